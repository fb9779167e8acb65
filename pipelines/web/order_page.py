"""The page of one order: its state, what was sent, its parcels, its history, and for operators name and address."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipelines.config.channel import Channel
from pipelines.engine.expiry import kept_days
from pipelines.reports.tables import has
from pipelines.web.access import current_user
from pipelines.web.pages import Pages, in_published
from pipelines.web.personal_data import personal_data
from pipelines.web.published_tables import PublishedRows, Row
from pipelines.web.rendering import render, state_words
from pipelines.web.row_states import FlowRows

IN_MYOGO = "raw_myogo.orders"
_PARCELS = f"""
    select reference, status, shipping_code, tracking_number, reason, try_cast(edit_time as timestamp) as changed_at
    from {IN_MYOGO} where list_contains($references, reference) order by reference"""


class OrderPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def show(self, request: Request) -> Response:
        one, channel = self._pages.usable(request)
        name = request.path_params["name"]
        number, flows = order_flows(channel, name)
        if not flows:
            raise HTTPException(404, f"{name[:100]!r} is no order number and no reference.")
        with_person = current_user(request).is_operator

        def read(published: PublishedRows) -> dict[str, Any]:
            return _facts(published, channel, (name, number), flows, with_person)

        facts = await in_published(one, read)
        if facts.get("is_unknown"):
            raise HTTPException(404, f"No run has met the order {name[:100]!r}. Check its number, or press Refresh.")
        return render(
            request,
            "order.html.j2",
            zone=channel.timezone,
            one=one,
            channel=channel,
            name=name,
            shown_code=name,
            days=max(kept_days(channel).values(), default=0),
            words={flow: state_words(*map(channel.title, channel.ends_of(flow))) for flow in flows},
            rules={rule.id: rule for flow in flows for rule in channel.declarations[flow].rules},
            **({"rows": {}, "parcels": [], "people": [], "events": [], "problem": ""} | facts),
        )


def order_flows(channel: Channel, name: str) -> tuple[str, Mapping[str, str]]:
    """The number of the order, and the flows of orders, each with a regular expression for its codes of that order.
    `name` is the number, or a reference that ends with it."""
    for number in (name, name.partition("-")[2]):
        named = {flow: channel.declarations[flow].codes_named(number) for flow in channel.in_order(())}
        if found := {flow: pattern for flow, pattern in named.items() if pattern is not None}:
            return number, found
    return "", {}


def _facts(
    published: PublishedRows, channel: Channel, names: tuple[str, str], flows: Mapping[str, str], with_person: bool
) -> dict[str, Any]:
    from pipelines.reports.history import UnknownCode, events

    name, number = names
    rows = {
        flow: found
        for flow, pattern in flows.items()
        if (found := FlowRows(published, flow, channel.declarations[flow]).named(pattern))
    }
    try:
        happened = [one for one in events(published.database, channel, number) if one.flow in flows]
    except UnknownCode:
        happened = []
    references = {name, *(row["code"] for found in rows.values() for row in found), *(one.code for one in happened)}
    parcels = _parcels(published, references - {None})
    return {
        "rows": rows,
        "events": happened,
        "parcels": parcels,
        "people": personal_data(published, channel, next(iter(flows.values()))) if with_person else [],
        "is_unknown": not rows and not happened and not parcels,
    }


def _parcels(published: PublishedRows, references: Collection[str]) -> list[Row]:
    """Our orders as the warehouse has them. Those of others have numbers like ours, and other references."""
    if not has(published.database, IN_MYOGO):
        return []
    return published.rows(_PARCELS, {"references": [*references]})
