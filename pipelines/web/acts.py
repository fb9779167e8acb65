"""What happens outside of this program in the demonstration, as buttons on the first page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipelines.web.access import require_operator


@dataclass
class Act:
    """`do` acts for a colleague, a customer or the warehouse. It returns what happened, or raises ActNotPossible."""

    name: str
    title: str
    do: Callable[[], str]
    done: str = ""


class ActNotPossible(Exception):
    """Something else must be done before; the message says what."""


def perform(acts: Sequence[Act]) -> Callable[[Request], object]:
    async def page(request: Request) -> Response:
        require_operator(request)
        act = next((one for one in acts if one.name == request.path_params["act"]), None)
        if act is None:
            raise HTTPException(404, "There is no such act.")
        try:
            act.done = await run_in_threadpool(act.do)
        except ActNotPossible as error:
            raise HTTPException(409, str(error)) from error
        return RedirectResponse("/", 303)

    return page
