"""Choices about one code that the channel file keeps: exclude it, accept it as a new product, keep its old product,
and the way back of each."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipelines.config.channel import Channel
from pipelines.config.channel_editor import REMOVE, ChannelEditor, Key
from pipelines.core.errors import CentraMyogoError
from pipelines.web.access import form, require_operator
from pipelines.web.pages import Pages, in_published, known_flow
from pipelines.web.project_channels import ProjectChannel
from pipelines.web.published_tables import PublishedRows
from pipelines.web.rendering import ACCEPTED, KEPT
from pipelines.web.row_states import FlowRows, RowFilter


class CodeChoices:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def choose(self, request: Request) -> Response:
        """Changes the channel file for the code, and leads back to the rows."""
        require_operator(request)
        one, channel = self._pages.usable(request)
        flow, choice = known_flow(request, channel), request.path_params["choice"]
        code = next(iter(form(request).get("one", [])), "")
        if not code or not _is_possible(channel, flow, choice):
            raise HTTPException(404, "There is no such choice for this row.")
        old = await _old_code(one, channel, flow, code) if choice == "keep" else ""
        try:
            await run_in_threadpool(_write, one, flow, choice, code, old)
        except CentraMyogoError as error:
            raise HTTPException(409, f"{error.message} {error.fix}") from error
        self._pages.channels.refresh()
        shown = RowFilter.parse({name: texts[0] for name, texts in form(request).items()})
        done = urlencode({"done": choice, "one": code})
        return RedirectResponse(f"/channels/{channel.name}/flows/{flow}?{shown.query()}&{done}", 303)


def _is_possible(channel: Channel, flow: str, choice: str) -> bool:
    if choice in ("exclude", "include"):
        return channel.declarations[flow].selects
    needed = {"accept": ACCEPTED, "withdraw": ACCEPTED, "keep": KEPT, "release": KEPT}.get(choice, "")
    return bool(needed) and hasattr(channel.flow_params(flow), needed)


async def _old_code(one: ProjectChannel, channel: Channel, flow: str, code: str) -> str:
    """The code under which the target has the product of the withheld row. Raises HTTPException."""

    def read(published: PublishedRows) -> dict[str, Any]:
        return {"old": FlowRows(published, flow, channel.declarations[flow]).old_code(code)}

    old = (await in_published(one, read)).get("old")
    if not old:
        raise HTTPException(409, f"No run has found an old product of {code!r}. Press Refresh and look again.")
    return str(old)


def _write(one: ProjectChannel, flow: str, choice: str, code: str, old: str) -> None:
    editor = ChannelEditor.read(one.file)
    editor.edit([_changed(editor, flow, choice, code, old)])
    editor.save()


def _changed(editor: ChannelEditor, flow: str, choice: str, code: str, old: str) -> tuple[Key, Any]:
    """The key of the channel file that the choice changes, and its new value."""
    if choice in ("keep", "release"):
        key: Key = ("flows", flow, "params", KEPT, code)
        return (key, old) if choice == "keep" else (key, REMOVE)
    listed_in = ("select", "exclude") if choice in ("exclude", "include") else ("params", ACCEPTED)
    key = ("flows", flow, *listed_in)
    listed = code if listed_in[1] == ACCEPTED else glob.escape(code)
    before: Sequence[str] = editor.value(key) or ()
    after = [pattern for pattern in before if pattern != listed]
    return key, [*dict.fromkeys(after + [listed] * (choice in ("exclude", "accept")))]
