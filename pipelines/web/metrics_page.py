"""`/metrics`: the state of all channels in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipelines.web.channel_overview import STATES, overview
from pipelines.web.project_channels import ProjectChannel, ProjectChannels
from pipelines.web.scheduler import Scheduler


def metrics(channels: ProjectChannels) -> Callable[[Request], Awaitable[Response]]:
    async def page(_: Request) -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST

        channels.refresh()
        found = [*channels]
        text = await run_in_threadpool(_text, found, channels.scheduler)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return page


def _text(channels: list[ProjectChannel], scheduler: Scheduler) -> bytes:
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    state = Gauge(
        "centra_myogo_channel_state", "1 for the state that the channel is in.", ["channel", "state"], registry=registry
    )
    pushed = Gauge(
        "centra_myogo_last_good_push_timestamp_seconds",
        "Start of the last push that ended with 0 or 3 (0 for none).",
        ["channel"],
        registry=registry,
    )
    rows = Gauge(
        "centra_myogo_flow_rows",
        "Rows that a push would change (waiting), that somebody must fix, and that are equal.",
        ["channel", "flow", "count"],
        registry=registry,
    )
    for one in channels:
        found = overview(one, scheduler)
        for name in STATES:
            state.labels(channel=one.name, state=name).set(found.state == name)
        pushed.labels(channel=one.name).set(_unix(found.last_push))
        for flow in found.flows:
            for count in ("waiting", "to_fix", "equal"):
                rows.labels(channel=one.name, flow=flow.name, count=count).set(getattr(flow, count))
    return generate_latest(registry)


def _unix(moment: datetime | None) -> float:
    return 0 if moment is None else moment.replace(tzinfo=UTC).timestamp()
