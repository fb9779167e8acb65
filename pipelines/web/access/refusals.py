"""Templates of the log-in, and the page of a request that was refused."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from jinja2 import Environment


class Refused(Exception):
    """A request that is not answered. `text` says what happened and what to do next."""

    def __init__(self, status: int, title: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.text, self.headers = status, title, text, headers

    def page(self) -> HTMLResponse:
        return html("refused.html", self.status, self.headers, title=self.title, text=self.text)


def html(template: str, status: int, headers: Mapping[str, str] | None = None, **values: object) -> HTMLResponse:
    text = _environment().get_template(template).render(values)
    return HTMLResponse(text, status, dict(headers or {}))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("pipelines.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
