"""The sections of the settings whose secrets may be missing: alerts and webhooks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.config.alerts import address_problem
from pipelines.config.channel_editor import REMOVE, ChannelEditor, Key
from pipelines.config.channel_writer import variable_of
from pipelines.config.secret_store import SecretStore
from pipelines.core.secret import Secret
from pipelines.systems.system import System
from pipelines.web.access.request_facts import Form
from pipelines.web.settings_fields import Field
from pipelines.web.settings_section import Section

CONDITIONS = (
    ("withheld_share", "Attention if more than this share is withheld", "From 0 to 1, such as 0.1. Empty: no limit."),
    ("refused", "Attention if so many changes are refused", "Empty: the first one is attention anyway."),
    ("duration_s", "Attention if a push takes longer (seconds)", "Empty: no limit."),
    ("hours_since_success", "Stale after so many hours without a good push", "Empty: never."),
)
_ADDRESS = "As appriseit.com/services shows for chat, e-mail and others, such as slack://..."


class SecretFields:
    """Secrets that a person enters, removes or has created; `stored` are the values to store."""

    def __init__(self, editor: ChannelEditor, store: SecretStore) -> None:
        self._editor, self._store = editor, store
        self.stored: list[tuple[Secret, str]] = []

    def _field(self, key: Key, label: str, hint: str, reference: Any, ours: bool = False) -> Field:
        secret = self._store.reference(reference)
        is_set = self._store.is_set(secret)
        return Field(key, label, hint, "secret", optional=True, is_set=is_set, can_go=reference is not None, ours=ours)

    def _take(self, one: Field, form: Form, reference: Any, variable: str, value: str = "") -> Any:
        """The reference that the file is to have; None for none. `value` is one that was created."""
        typed = form.get(one.name, [""])[0].strip()
        if one.goes:
            if typed or value:
                one.error = "has a new value, and is to be removed; do one of the two"
            return None
        if typed and value:
            one.error = "was entered, and is to be created; do one of the two"
        value = value or typed
        if not value or one.error:
            return reference
        secret = self._store.reference(reference) or Secret(env=variable)
        one.error = self._store.problem(secret, value, False) or self._problem(one, value)
        if not one.error:
            self.stored.append((secret, value))
        return {"env": variable} if reference is None else reference

    def _problem(self, one: Field, value: str) -> str:
        return ""

    def _variable(self, *key: str) -> str:
        return variable_of(str(self._editor.value(("name",))), *key)


class AlertFields(SecretFields):
    """`[alerts]`: where messages go, and when."""

    def __init__(self, editor: ChannelEditor, store: SecretStore) -> None:
        super().__init__(editor, store)
        urls = editor.value(("alerts", "urls"))
        self._urls = urls if isinstance(urls, list) else []
        self._heartbeat = editor.value(("alerts", "heartbeat"))
        titles = [f"Address {number} that messages go to" for number in range(1, len(self._urls) + 1)]
        self.urls = [
            self._field(("alerts", "urls", str(at)), title, "", self._urls[at]) for at, title in enumerate(titles)
        ]
        label = "A further address that messages go to" if self._urls else "Address that messages go to"
        self.urls.append(self._field(("alerts", "urls", "new"), label, _ADDRESS, None))
        hint = "Such as https://hc-ping.com/ and the id of the check"
        self.heartbeat = self._field(("alerts", "heartbeat"), "Address of the heartbeat", hint, self._heartbeat)
        self.conditions = [Field(("alerts", key), label, hint, "number") for key, label, hint in CONDITIONS]
        page = Field(("alerts", "page"), "Address of these pages", "For links in messages: https://HOST/channels")
        self.conditions.append(page)
        for one in self.conditions:
            one.show(editor.value(one.key))
        self.section = Section(
            "Alerts",
            [*self.urls, self.heartbeat, *self.conditions],
            hint="One message when the state of the channel changes, and a heartbeat at each push.",
            status=self._status(),
        )

    def changes(self, form: Form) -> list[tuple[Key, Any]]:
        """Without the table, if nothing is left in it."""
        changes = [*self._changes(form)]
        gone = {key[1] for key, value in changes if value is REMOVE}
        if gone and gone == set(self._editor.value(("alerts",))) and len(gone) == len(changes):
            changes.append((("alerts",), REMOVE))
        return changes

    def _changes(self, form: Form) -> Iterator[tuple[Key, Any]]:
        wanted = [self._take(one, form, *at) for one, at in zip(self.urls, self._places(), strict=True)]
        left = [one for one in wanted if one is not None]
        heartbeat = self._take(self.heartbeat, form, self._heartbeat, self._variable("heartbeat", "url"))
        if left != self._urls:
            yield ("alerts", "urls"), left or REMOVE
        if heartbeat != self._heartbeat:
            yield self.heartbeat.key, heartbeat or REMOVE
        for one in self.conditions:
            if one.value and not left and not any(address.error for address in self.urls):
                one.error = "needs an address that messages go to"
                continue
            yield from one.changes(self._editor.value(one.key))

    def _places(self) -> list[tuple[Any, str]]:
        """The reference of each address, with the variable for one that has none."""
        used = [one.get("env") for one in self._urls if isinstance(one, Mapping)]
        names = (self._variable("alert", f"url_{at}" if at > 1 else "url") for at in range(1, len(used) + 2))
        free = next(name for name in names if name not in used)
        return [*((one, free) for one in self._urls), (None, free)]

    def _problem(self, one: Field, value: str) -> str:
        return address_problem(value, is_heartbeat=one is self.heartbeat)

    def _status(self) -> str:
        count = len(self._urls)
        messages = f"messages to {count} {'address' if count == 1 else 'addresses'}" if count else ""
        return " and ".join(filter(None, (messages, "a heartbeat" if self._heartbeat is not None else ""))) or "off"


class WebhookFields(SecretFields):
    """`[listen]`: the secrets of the systems' webhooks. `created` are those that must be copied to a system."""

    def __init__(self, editor: ChannelEditor, store: SecretStore, systems: Mapping[str, System]) -> None:
        super().__init__(editor, store)
        self.created: list[tuple[str, str]] = []
        self._systems = {
            system.webhook.secret_key: (name, system.title) for name, system in systems.items() if system.webhook
        }
        channel = str(editor.value(("name",))) if editor.digest else "NAME"
        self.fields = [
            self._field(
                ("listen", key),
                f"Secret of the webhooks of {title}",
                f"It calls https://HOST/hooks/{channel}/{name} of these pages.",
                editor.value(("listen", key)),
                ours=True,
            )
            for key, (name, title) in self._systems.items()
        ]
        on = [title for key, (_, title) in self._systems.items() if editor.value(("listen", key)) is not None]
        self.section = Section(
            "Webhooks",
            [*self.fields],
            hint="A message of a system brings the next run forward; the schedule is needed all the same.",
            status=", ".join(on) or "off",
        )

    def changes(self, form: Form) -> Iterator[tuple[Key, Any]]:
        for one in self.fields:
            reference = self._editor.value(one.key)
            made = secrets.token_urlsafe(32) if one.is_new else ""
            after = self._take(one, form, reference, self._variable("webhook", one.key[-1]), made)
            if made and not one.error:
                self.created.append((one.label, made))
            if after != reference:
                yield one.key, after or REMOVE
