"""The pages that only show: all channels, both sides of a flow, what to fix, runs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pipelines.config.channel import Channel
from pipelines.core.errors import CentraMyogoError
from pipelines.reports.html_page import page as report_page
from pipelines.reports.overview import last_runs
from pipelines.reports.query import gather
from pipelines.web.access.middleware import POLICY
from pipelines.web.acts import Act
from pipelines.web.channel_overview import overview
from pipelines.web.fleet_page import has_data_warehouse
from pipelines.web.lease_facts import lease_facts
from pipelines.web.project_channels import ProjectChannel, ProjectChannels
from pipelines.web.published_tables import NothingPublished, PublishedRows
from pipelines.web.rendering import ACCEPTED, KEPT, done_text, render, state_words
from pipelines.web.row_states import PAGE_SIZE, SENDABLE, SORTS, FlowRows, RowFilter

MAX_RUNS = 100
_REPORT_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
Page = Callable[[Request], Awaitable[Response]]


class Pages:
    """Pages of the channels. Queries run in threads, so that a slow one blocks no other page."""

    def __init__(self, channels: ProjectChannels, acts: Sequence[Act] = ()) -> None:
        self.channels, self._acts = channels, acts

    def channel(self, request: Request) -> ProjectChannel:
        """The channel of the address. Raises HTTPException."""
        self.channels.refresh()
        found = self.channels.find(request.path_params["channel"])
        if found is None:
            raise HTTPException(404, "There is no such channel. Its file may have been removed.")
        return found

    def usable(self, request: Request) -> tuple[ProjectChannel, Channel]:
        """The same, with a channel file that is right. Raises HTTPException."""
        one = self.channel(request)
        if one.channel is None:
            raise HTTPException(409, one.problem)
        return one, one.channel

    async def all_channels(self, request: Request) -> Response:
        self.channels.refresh()
        found = [*self.channels]
        states = await run_in_threadpool(lambda: [overview(one, self.channels.scheduler) for one in found])
        leases = await run_in_threadpool(lease_facts, found)
        folder = str(self.channels.project.channels.resolve())
        return render(
            request,
            "channels.html.j2",
            states=states,
            leases=leases,
            has_data_warehouse=has_data_warehouse(),
            folder=folder,
            acts=self._acts,
        )

    async def first_flow(self, request: Request) -> Response:
        _, channel = self.usable(request)
        return RedirectResponse(f"/channels/{channel.name}/flows/{channel.in_order(())[0]}", 303)

    async def rows(self, request: Request) -> Response:
        """Both sides of a flow in one table."""
        one, channel = self.usable(request)
        flow = known_flow(request, channel)
        shown = RowFilter.parse(request.query_params)
        source, target = (channel.title(end) for end in channel.ends_of(flow))

        def read(published: PublishedRows) -> dict[str, Any]:
            page = FlowRows(published, flow, channel.declarations[flow]).page(shown)
            read_at = published.value(
                "select max(r.started_at) from sync.runs r join sync.flows f using (run_id) "
                "where f.flow = $flow and f.rows_read > 0",
                {"flow": flow},
            )
            return {"page": page, "read_at": read_at}

        facts = await in_published(one, read)
        return render(
            request,
            "rows.html.j2",
            zone=channel.timezone,
            one=one,
            channel=channel,
            flow=flow,
            flows=channel.in_order(()),
            shown=shown,
            source=source,
            target=target,
            words=state_words(source, target),
            flow_words=channel.declarations[flow].words,
            labels=channel.declarations[flow].change_words.labels,
            rules={rule.id: rule for rule in channel.declarations[flow].rules},
            sendable=SENDABLE,
            acceptable=_with_way_out(channel, flow, ACCEPTED),
            accepted=getattr(channel.flow_params(flow), ACCEPTED, ()),
            keepable=_with_way_out(channel, flow, KEPT),
            kept=getattr(channel.flow_params(flow), KEPT, {}),
            sorts=SORTS,
            size=PAGE_SIZE,
            done=done_text(request.query_params.get("done", ""), request.query_params.get("one", "")),
            excluded={*channel.flows[flow].select.exclude},
            can_exclude=channel.declarations[flow].selects,
            has_names=channel.declarations[flow].listing is not None,
            code_page=code_page(channel, flow),
            **({"page": None, "read_at": None, "problem": ""} | facts),
        )

    async def to_fix(self, request: Request) -> Response:
        one, channel = self.usable(request)
        flows = channel.in_order(())

        def read(published: PublishedRows) -> dict[str, Any]:
            of_flow = {name: FlowRows(published, name, channel.declarations[name]).to_fix() for name in flows}
            was_read = published.value("select count(*) > 0 from sync.flows where rows_read > 0")
            return {"found": {name: found for name, found in of_flow.items() if found}, "was_read": was_read}

        nothing: dict[str, Any] = {"found": {}, "was_read": False, "problem": ""}
        return render(
            request,
            "to_fix.html.j2",
            zone=channel.timezone,
            one=one,
            channel=channel,
            rules={rule.id: rule for name in flows for rule in channel.declarations[name].rules},
            words={name: channel.declarations[name].words for name in flows},
            code_pages={name: code_page(channel, name) for name in flows},
            state_words={name: state_words(*map(channel.title, channel.ends_of(name))) for name in flows},
            **(nothing | await in_published(one, read)),
        )

    async def runs(self, request: Request) -> Response:
        one, channel = self.usable(request)

        def read(published: PublishedRows) -> dict[str, Any]:
            by = published.rows("select run_id, requested_by from sync.runs where requested_by is not null")
            return {
                "runs": last_runs(published.database, MAX_RUNS),
                "by": {row["run_id"]: row["requested_by"] for row in by},
            }

        facts = await in_published(one, read)
        return render(
            request,
            "runs.html.j2",
            zone=channel.timezone,
            one=one,
            channel=channel,
            **({"runs": [], "by": {}, "problem": ""} | facts),
        )

    async def report(self, request: Request) -> Response:
        """The report of one run, as the verb `report` writes it; its own policy allows its script and style."""
        one, channel = self.usable(request)
        run_id = request.path_params["run_id"]

        def read(published: PublishedRows) -> dict[str, Any]:
            facts = gather(published.database, channel, run_id)
            return {"html": report_page(facts, channel, f"centra-myogo report {channel.name} --csv DIR", None)}

        facts = await in_published(one, read)
        if "html" not in facts:
            raise HTTPException(404, facts["problem"])
        policy = _REPORT_POLICY.search(facts["html"])
        headers = {POLICY: policy[1]} if policy else {}
        return HTMLResponse(facts["html"], headers=headers)


def _with_way_out(channel: Channel, flow: str, param: str) -> list[str]:
    """The rules that name the parameter as a way out."""
    return [rule.id for rule in channel.declarations[flow].rules if param in rule.fix]


def known_flow(request: Request, channel: Channel) -> str:
    """The flow of the address. Raises HTTPException."""
    flow = request.path_params["flow"]
    if flow not in channel.flows:
        raise HTTPException(404, f"The channel {channel.name} has no flow {flow!r}.")
    return str(flow)


def code_page(channel: Channel, flow: str) -> str:
    """The address of the page of one code of the flow, without the code: an order has another page."""
    is_order = channel.declarations[flow].codes_named("1") is not None
    return f"/channels/{channel.name}/{'orders/' if is_order else 'history?code='}"


async def in_published(one: ProjectChannel, read: Callable[[PublishedRows], dict[str, Any]]) -> dict[str, Any]:
    """What `read` finds in the newest published file; {"problem": why} if there is none that can be read."""

    def work() -> dict[str, Any]:
        try:
            with one.tables.open() as published:
                return read(published)
        except NothingPublished as error:
            return {"problem": str(error)}
        except CentraMyogoError as error:
            return {"problem": f"{error.message} {error.fix}"}

    return await run_in_threadpool(work)
