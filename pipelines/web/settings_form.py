"""The form with the settings of a channel: its sections, and what it changes in the channel file and in the secrets."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import PydanticUndefined

from pipelines.config.channel_editor import REMOVE, ChannelEditor, Key
from pipelines.config.channel_writer import variable_of
from pipelines.config.registry import BUILTIN_FLOWS, BUILTIN_SYSTEMS
from pipelines.config.secret_store import SecretStore
from pipelines.core.errors import ConfigError
from pipelines.core.reference import import_string
from pipelines.core.secret import Secret
from pipelines.engine.flow import Flow
from pipelines.reports.formatting import sentence
from pipelines.systems.system import System
from pipelines.web.access.request_facts import Form
from pipelines.web.settings_fields import Field
from pipelines.web.settings_secrets import AlertFields, WebhookFields
from pipelines.web.settings_section import Section

Seen = Callable[[str, Mapping[str, Any]], list[tuple[str, str]]]  # query and parameters -> values and labels
_MIN_MASKED = 8  # characters: a shorter secret may be part of another value by chance


class SettingsForm:
    """The settings of the file that `editor` has read, or of a new file. `seen` answers queries of the flows."""

    def __init__(self, editor: ChannelEditor, store: SecretStore, seen: Seen) -> None:
        self.editor, self._store, self._seen = editor, store, seen
        self.is_new = not editor.digest
        self._systems = _declared(editor, "systems", "system", BUILTIN_SYSTEMS, System, only_used=not self.is_new)
        self._flows = _declared(editor, "flows", "flow", BUILTIN_FLOWS, Flow)
        self.problems: list[str] = []  # those that belong to no field
        self.secrets: list[tuple[Secret, str]] = []
        self.created: list[tuple[str, str]] = []  # what must be copied into another system, and its value
        self.systems = [self._system(name, one) for name, one in self._systems.items() if one.questions]
        self.schedule = self._schedule()
        self.flows = [self._flow(name, one) for name, one in self._flows.items()]
        self._alerts = AlertFields(editor, store)
        self._webhooks = WebhookFields(editor, store, self._systems)

    @property
    def sections(self) -> list[Section]:
        return [*self.systems, self.schedule, *self.flows, self._alerts.section, self._webhooks.section]

    @property
    def fields(self) -> list[Field]:
        return [one for section in self.sections for one in section]

    @property
    def errors(self) -> list[Field]:
        return [one for one in self.fields if one.error]

    @property
    def is_right(self) -> bool:
        return not self.errors and not self.problems

    def take(self, form: Form) -> None:
        """Takes what was sent. The values that can be understood are changes of `editor`; the others have an error."""
        for one in self.fields:
            one.take(form)
        changes = [change for system in self.systems for change in self._system_changes(system, form)]
        changes += [change for one in self.schedule for change in one.changes(self.editor.value(one.key))]
        for flow in self.flows:
            changes += self._flow_changes(flow)
        for group in (self._alerts, self._webhooks):
            changes += group.changes(form)
            self.secrets += group.stored
        self.created = self._webhooks.created
        try:
            self.editor.edit(changes)
        except ConfigError as error:
            self.problems.append(f"{error.message} {error.fix}")

    def place(self, error: ConfigError) -> None:
        """Puts each message about the channel file at the field that it is about."""
        for line in error.message.splitlines():
            text = line.removeprefix(f"{self.editor.path}: ")
            is_missing = text.startswith("missing key ")
            key, _, message = text.removeprefix("missing key ").partition(": ")
            if (needs := re.match(r'(\w+) = "\w*" (needs .*)', text)) is not None:
                key, message = needs[1], needs[2]
            about = [one for one in self.fields if f"{key}.".startswith(f"{one.name}.")]
            if about and (message or is_missing):
                about[0].error = about[0].error or message or "is missing"
            elif not any(one.error and one.name.startswith(f"{key}.") for one in self.fields):
                self.problems.append(text)

    def _shown(self, one: Field, seen: list[tuple[str, str]] | None = None) -> Field:
        one.show(self.editor.value(one.key), seen or ())
        return one

    def _schedule(self) -> Section:
        reads = (("full", "everything"), ("changes", "only what changed since the last run"))
        fields = [
            Field(
                ("schedule",),
                "Schedule of all flows",
                'Such as "every 15 min" or the cron line "*/15 6-22 * * *", without quotes. Empty: no schedule.',
            ),
            Field(("refresh",), "A run reads", "", "choice", [*reads], "full"),
            Field(
                ("full_at",),
                "Time of day at which everything is read",
                "Only if a run reads what changed: a quiet hour, in the time zone of the shop.",
                "time",
            ),
        ]
        schedule = self.editor.value(("schedule",))
        return Section("Schedule", [self._shown(one) for one in fields], status=str(schedule or "none"))

    def _system(self, name: str, system: System) -> Section:
        section = Section(system.title, opens=self.is_new)
        for question in system.questions:
            one = Field(
                ("systems", name, question.key),
                question.text,
                question.hint,
                "secret" if question.secret else "text",
                identifier=question.identifier,
            )
            if question.secret:
                one.is_set = self._store.is_set(self._store.reference(self.editor.value(one.key)))
            else:
                self._shown(one)
                if self.is_new and not one.value:
                    one.value = question.default
            section.fields.append(one)
        section.fields.sort(key=lambda one: not one.name.endswith("url"))
        missing = sum(one.kind == "secret" and not one.is_set for one in section.fields)
        if not self.is_new:
            section.status = f"{missing} {'secret' if missing == 1 else 'secrets'} missing" if missing else "set up"
        return section

    def _flow(self, name: str, flow: type[Flow]) -> Section:
        ends = [self._title(end) for end in (flow.source, flow.target_system)]
        table = self.editor.value(("flows", name))
        switch = Field(("flows", name, "enabled"), f"Sync {name}", kind="flag")
        is_on = isinstance(table, Mapping) and table.get("enabled", True) is not False
        switch.value = "on" if is_on or (self.is_new and name == next(iter(self._flows))) else ""
        section = Section(f"{sentence(name)}: {ends[0]} to {ends[1]}", switch=switch)
        section.status, section.opens = "on" if switch.value else "off", self.is_new and bool(switch.value)
        defaults = _param_defaults(table, flow)
        given = {key: self.editor.value(("flows", name, "params", key)) or value for key, value in defaults.items()}
        for asked in flow.questions:
            one = Field(
                ("flows", name, "params", asked.key),
                asked.text,
                asked.hint,
                asked.kind,
                [*asked.options],
                defaults.get(asked.key),
                asked.columns,
                asked.parts,
            )
            section.fields.append(self._shown(one, self._seen(asked.seen, given) if asked.seen else None))
        if flow.selects:
            section.fields += self._selection(name)
        own = Field(("flows", name, "schedule"), f"Schedule of {name}", 'Empty: that of all flows. "off": never.')
        section.fields.append(self._shown(own))
        for key, limit in flow.Limits.model_fields.items():
            default = None if limit.default is PydanticUndefined else limit.default
            shown = Field(("flows", name, "limits", key), key, f"{default} if empty", kind="number")
            section.more.append(self._shown(shown))
        return section

    def _selection(self, name: str) -> list[Field]:
        patterns = "Patterns over code, brand, folder and category, one a line, such as JKT100*."
        include = Field(("flows", name, "select", "include"), "Sync only these", f"{patterns} * is all.", "lines")
        exclude = Field(("flows", name, "select", "exclude"), "And not these", "The same kind of patterns.", "lines")
        include.default, exclude.default = ["*"], []
        return [self._shown(include), self._shown(exclude)]

    def _title(self, system: str) -> str:
        known = self._systems.get(system)
        return known.title if known else str(import_string(BUILTIN_SYSTEMS[system]).title)

    def _system_changes(self, section: Section, form: Form) -> Iterator[tuple[Key, Any]]:
        plain = [one for one in section.fields if one.kind != "secret"]
        secret = [one for one in section.fields if one.kind == "secret"]
        given = {one.name: form.get(one.name, [""])[0].strip() for one in secret}
        is_other_host = any(_is_other_host(self.editor.value(one.key), one.value) for one in plain)
        for one in secret:
            yield from self._secret_changes(one, given[one.name], is_other_host)
        long = [value for value in given.values() if len(value) >= _MIN_MASKED]
        for one in plain:
            if any(value in one.value for value in long):
                one.value, one.error = "", "has the value of a secret field in it; nothing was stored"
            else:
                yield from one.changes(self.editor.value(one.key))

    def _secret_changes(self, one: Field, value: str, is_other_host: bool) -> Iterator[tuple[Key, Any]]:
        _, system, key = one.key
        secret = self._store.reference(self.editor.value(one.key))
        variable = variable_of(str(self.editor.value(("name",))), system, key)
        is_named = secret is not None
        secret = secret or Secret(env=variable)
        if not value:
            if self._store.is_set(secret) and (self.is_new or is_other_host):
                one.error = (
                    "must be entered again, because the address leads to another host"
                    if is_named
                    else f"must be entered: {variable} has a value already, which was meant for another channel"
                )
            elif self.is_new:
                yield one.key, {"env": variable}
            return
        one.error = self._store.problem(secret, value, one.identifier)
        if not one.error:
            self.secrets.append((secret, value))
            if not is_named:
                yield one.key, {"env": variable}

    def _flow_changes(self, section: Section) -> list[tuple[Key, Any]]:
        """A flow that is off and has no table gets none; one with a table is only switched off."""
        assert section.switch is not None
        _, name, _ = section.switch.key
        table = self.editor.value(("flows", name))
        if table is None and not section.switch.value:
            return []
        changes = [change for one in (*section.fields, *section.more) for change in one.changes(
            self.editor.value(one.key))]  # fmt: skip
        if not section.switch.value:
            return [*changes, (section.switch.key, False)]
        if table is None and not any(key[2] == "params" for key, _ in changes):
            changes.append((("flows", name, "params"), {}))
        return [*changes, (section.switch.key, REMOVE)]


def _declared(
    editor: ChannelEditor, table: str, key: str, builtin: Mapping[str, str], kind: Any, only_used: bool = False
) -> dict[str, Any]:
    """The declarations of the systems or flows: the built-in ones (with `only_used`, those in the file), and others
    that the file names and that can be imported."""
    tables = editor.value((table,))
    tables = tables if isinstance(tables, Mapping) else {}
    found: dict[str, Any] = {}
    for name in [*(name for name in builtin if name in tables or not only_used), *tables]:
        own = tables.get(name)
        reference = (own.get(key) if isinstance(own, Mapping) else None) or builtin.get(name)
        try:
            resolved = import_string(reference) if isinstance(reference, str) else None
        except ConfigError:
            continue
        if isinstance(resolved, kind) or (isinstance(resolved, type) and issubclass(resolved, kind)):
            found[name] = resolved
    return found


def _param_defaults(table: Any, flow: type[Flow]) -> dict[str, Any]:
    """The default of each parameter; None for one without a default."""
    reference = table.get("transform", flow.transform) if isinstance(table, Mapping) else flow.transform
    try:
        kind = typing.get_type_hints(import_string(reference))["params"]
        return {
            one.name: None if one.default is dataclasses.MISSING else one.default for one in dataclasses.fields(kind)
        }
    except (ConfigError, KeyError, TypeError):
        return {}


def _is_other_host(old: Any, new: str) -> bool:
    if not isinstance(old, str) or "://" not in old:
        return False
    try:
        return urlsplit(old.strip())[:2] != urlsplit(new)[:2]
    except ValueError:
        return True
