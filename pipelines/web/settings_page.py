"""The pages that make a channel and change its settings. The channel file is the truth; they edit it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any

import duckdb
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipelines.config.channel import CHANNEL_NAME
from pipelines.config.channel_editor import ChannelEditor, FileChanged
from pipelines.config.channel_writer import variable_of
from pipelines.config.project import Project
from pipelines.config.secret_store import SecretStore
from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.web.access import csrf_token, form, require_operator
from pipelines.web.pages import Pages
from pipelines.web.project_channels import ProjectChannel
from pipelines.web.published_tables import NothingPublished
from pipelines.web.rendering import render
from pipelines.web.settings_form import Seen, SettingsForm

log = logging.getLogger(__name__)
RESERVED = ("example", "new")  # the example file's name, and the address of the form
_CHANGED, _WRONG = 409, 422
_MAX_UNSEEN = 20


class SettingsPage:
    """Only operators get these pages. Secrets go in, and never out."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._created: dict[tuple[str, str], list[tuple[str, str]]] = {}  # by session and channel, until they are shown
        self._saving = asyncio.Lock()  # of two who save, the second looks at what the first has written

    @property
    def _project(self) -> Project:
        return self._pages.channels.project

    async def show(self, request: Request) -> Response:
        require_operator(request)
        one = self._pages.channel(request)
        made = await run_in_threadpool(self._form, one)
        is_saved = request.query_params.get("saved") == "1"
        created = self._created.pop((csrf_token(request), one.name), []) if is_saved else []
        return self._page(request, one, made, is_saved=is_saved, created=created)

    async def save(self, request: Request) -> Response:
        async with self._saving:
            return await self._save(request)

    async def create(self, request: Request) -> Response:
        async with self._saving:
            return await self._create(request)

    async def _save(self, request: Request) -> Response:
        """Writes the file, if it is still the one that the form was made from and all values are right."""
        user = require_operator(request)
        one = self._pages.channel(request)
        sent = form(request)
        made = await run_in_threadpool(self._form, one)
        if sent.get("version", [""])[0] != made.editor.digest:
            made.problems.append("Somebody changed the file meanwhile; nothing was saved. Look at the values again.")
            return self._page(request, one, made, _CHANGED)
        try:
            await run_in_threadpool(_store, made, sent, SecretStore(self._project))
        except FileChanged as error:
            made = await run_in_threadpool(self._form, one)
            made.problems.append(f"{error.message} {error.fix}")
            return self._page(request, one, made, _CHANGED)
        if not made.is_right:
            return self._page(request, one, made, _WRONG)
        log.info("settings saved channel=%s user=%s secrets=%s", one.name, user.name, len(made.secrets))
        return self._saved(request, one.name, made)

    async def new(self, request: Request) -> Response:
        require_operator(request)
        made = await run_in_threadpool(self._new_form, "new")
        return self._page(request, None, made)

    async def _create(self, request: Request) -> Response:
        user = require_operator(request)
        self._pages.channels.refresh()
        sent = form(request)
        name = sent.get("name", [""])[0].strip()
        problem = self._name_problem(name)
        made = await run_in_threadpool(self._new_form, "new" if problem else name)
        if problem:
            await run_in_threadpool(_check, made, sent)
        else:
            try:
                await run_in_threadpool(_store, made, sent, SecretStore(self._project))
            except FileChanged as error:
                problem = f"{error.message} {error.fix}"
        if problem or not made.is_right:
            return self._page(request, None, made, _WRONG, name=name, name_problem=problem)
        log.info("channel made channel=%s user=%s", name, user.name)
        return self._saved(request, name, made)

    def _saved(self, request: Request, name: str, made: SettingsForm) -> Response:
        """Leads to the page that shows, once, the secrets that must be copied into another system."""
        if made.secrets:
            self._pages.channels.reload(name)
        else:
            self._pages.channels.refresh()
        if made.created:
            if len(self._created) >= _MAX_UNSEEN:
                self._created.pop(next(iter(self._created)))
            self._created[csrf_token(request), name] = made.created
        return RedirectResponse(f"/channels/{name}/settings?saved=1", 303)

    def _form(self, one: ProjectChannel) -> SettingsForm:
        """Raises HTTPException if the file cannot be read as TOML."""
        try:
            return SettingsForm(ChannelEditor.read(one.file), SecretStore(self._project), _seen_of(one))
        except ConfigError as error:
            raise HTTPException(_CHANGED, f"{error.message} {error.fix}") from error

    def _new_form(self, name: str) -> SettingsForm:
        editor = ChannelEditor.new(self._project.channels / f"{name}.toml", name)
        return SettingsForm(editor, SecretStore(self._project), lambda query, parameters: [])

    def _name_problem(self, name: str) -> str:
        """Why no new channel can have this name; "" if one can."""
        if not re.fullmatch(CHANNEL_NAME, name) or name in RESERVED:
            return "cannot be the name of a channel: use small letters, digits, - and _, for example se-web"
        for one in self._pages.channels:
            if name in (one.name, one.file.stem):
                return "is the name of another channel"
            if variable_of(name, "", "") in (variable_of(one.name, "", ""), variable_of(one.file.stem, "", "")):
                return f"is too similar to {one.name}: both would have the same variables for their secrets"
        return ""

    def _page(
        self, request: Request, one: ProjectChannel | None, made: SettingsForm, status: int = 200, **values: Any
    ) -> Response:
        channel = one.channel if one else None
        return render(
            request,
            "settings.html.j2" if channel else "settings_without_channel.html.j2",
            status,
            zone=channel.timezone if channel else None,
            one=one,
            channel=channel,
            form=made,
            **({"name": "", "name_problem": "", "is_saved": False, "created": []} | values),
        )


def _store(made: SettingsForm, sent: dict[str, list[str]], store: SecretStore) -> None:
    """Saves the form if it is right; its errors say what is wrong otherwise. Raises FileChanged."""
    _check(made, sent)
    if made.is_right:
        try:
            store.store(made.secrets)  # before the file: a new channel must not start without them
            made.editor.save()
        except FileChanged:
            raise
        except ConfigError as error:
            made.problems.append(f"{error.message} {error.fix}")


def _check(made: SettingsForm, sent: dict[str, list[str]]) -> None:
    """Takes the values; the form's errors say what is wrong. Raises FileChanged."""
    made.take(sent)
    try:
        made.editor.check()
    except FileChanged:
        raise
    except ConfigError as error:
        made.place(error)


def _seen_of(one: ProjectChannel) -> Seen:
    def seen(query: str, parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Values and labels in the published file; none if it, or a table, is not there."""
        used = {key: value for key, value in parameters.items() if f"${key}" in query}
        try:
            with one.tables.open() as published:
                return [(row["value"], row["label"]) for row in published.rows(query, used)]
        except (NothingPublished, CentraMyogoError, duckdb.Error):
            return []

    return seen
