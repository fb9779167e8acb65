"""The history of one code or order, and what to do if there is none."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pipelines.web.pages import Pages, code_page, in_published
from pipelines.web.published_tables import PublishedRows
from pipelines.web.rendering import render


class HistoryPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def show(self, request: Request) -> Response:
        from pipelines.reports.history import UnknownCode, events

        one, channel = self._pages.usable(request)
        code = request.query_params.get("code", "").strip()

        def read(published: PublishedRows) -> dict[str, Any]:
            try:
                return {"events": events(published.database, channel, code)}
            except UnknownCode as unknown:
                return {"closest": unknown.closest}

        facts = await in_published(one, read) if code else {}
        return render(
            request,
            "history.html.j2",
            zone=channel.timezone,
            one=one,
            channel=channel,
            code=code,
            listed=[name for name in channel.in_order(()) if channel.declarations[name].listing is not None],
            orders=[name for name in channel.in_order(()) if "/orders/" in code_page(channel, name)],
            **({"events": None, "closest": None, "problem": ""} | facts),
        )
