"""Choices about one code that the channel file keeps: exclude it, include it again, accept it as a new product."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipelines.config.channel_editor import ChannelEditor, Key
from pipelines.core.errors import CentraMyogoError
from pipelines.web.access import form, require_operator
from pipelines.web.pages import Pages, known_flow
from pipelines.web.project_channels import ProjectChannel
from pipelines.web.rendering import ACCEPTED, DONE
from pipelines.web.row_states import RowFilter


class CodeChoices:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def choose(self, request: Request) -> Response:
        """Adds the code to a list of the channel file, or takes it out, and leads back to the rows."""
        require_operator(request)
        one, channel = self._pages.usable(request)
        flow, choice = known_flow(request, channel), request.path_params["choice"]
        code = next(iter(form(request).get("one", [])), "")
        if choice not in DONE or not code or (choice != "accept" and not channel.declarations[flow].selects):
            raise HTTPException(404, "There is no such choice for this row.")
        try:
            await run_in_threadpool(_keep, one, flow, choice, code)
        except CentraMyogoError as error:
            raise HTTPException(409, f"{error.message} {error.fix}") from error
        self._pages.channels.refresh()
        shown = RowFilter.parse({name: texts[0] for name, texts in form(request).items()})
        done = urlencode({"done": choice, "one": code})
        return RedirectResponse(f"/channels/{channel.name}/flows/{flow}?{shown.query()}&{done}", 303)


def _keep(one: ProjectChannel, flow: str, choice: str, code: str) -> None:
    editor = ChannelEditor.read(one.file)
    if choice == "accept":
        key: Key = ("flows", flow, "params", ACCEPTED)
        listed = [*(editor.value(key) or ()), code]
    else:
        key = ("flows", flow, "select", "exclude")
        before: Sequence[str] = editor.value(key) or ()
        listed = [pattern for pattern in before if pattern != glob.escape(code)]
        listed += [glob.escape(code)] if choice == "exclude" else []
    editor.edit([(key, [*dict.fromkeys(listed)])])
    editor.save()
