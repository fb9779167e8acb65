"""What the buttons do: test, refresh, plan of chosen rows, apply it, stop; and the page of a run that was requested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipelines.config.channel import Channel
from pipelines.core.json_codec import decode_exact
from pipelines.engine.flow import ChangeWords
from pipelines.reports.query import fields
from pipelines.state.run_result import HEADLINES, RunResult
from pipelines.web.access import form, require_operator
from pipelines.web.channel_runs import Job, TooManyRequests
from pipelines.web.pages import Pages, in_published, known_flow
from pipelines.web.project_channels import ProjectChannel
from pipelines.web.published_tables import PublishedRows
from pipelines.web.rendering import render
from pipelines.web.row_states import FlowRows, RowFilter
from pipelines.webhooks.run_process import RunCommand

MAX_SHOWN = 100  # changes of a plan on its page


class Actions:
    """Each starts a run in a separate process, and leads to the page that shows how it goes."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def test(self, request: Request) -> Response:
        return self._request(request, RunCommand("check"))

    async def refresh(self, request: Request) -> Response:
        """Reads both sides of one flow, or of all."""
        _, channel = self._pages.usable(request)
        flow = first(request, "flow")
        if flow and flow not in channel.flows:
            raise HTTPException(404, f"The channel {channel.name} has no flow {flow!r}.")
        return self._request(request, RunCommand("plan", (flow,) if flow else ()))

    async def plan(self, request: Request) -> Response:
        """The plan of the rows that were ticked, or of all that match the filter."""
        one, channel = self._pages.usable(request)
        flow = known_flow(request, channel)
        values = form(request)
        shown = RowFilter.parse({name: texts[0] for name, texts in values.items()})
        is_all = first(request, "choice") == "all"
        if is_all:

            def read(published: PublishedRows) -> dict[str, Any]:
                return {"codes": FlowRows(published, flow, channel.declarations[flow]).codes(shown)}

            codes = (await in_published(one, read)).get("codes", [])
        else:
            codes = [code for code in values.get("code", []) if code and "\n" not in code and "\r" not in code]
        if not codes:
            raise HTTPException(400, "No row is ticked that can be sent. Go back, and tick at least one.")
        is_complete = is_all and shown.has_all_sendable  # then it is the flow's plan, whose limits count all rows
        return self._request(request, RunCommand("plan", (flow,)), None if is_complete else codes)

    async def apply(self, request: Request) -> Response:
        """Pushes exactly the plan that was shown: the same rows, by its fingerprint."""
        require_operator(request)
        one, channel = self._pages.usable(request)
        job = known_job(request, one)
        document = job.exit.document if job.exit else {}
        fingerprint = document.get("fingerprint", "")
        if job.command.verb != "plan" or not fingerprint or first(request, "fingerprint") != fingerprint:
            raise HTTPException(409, "This is not the plan that was shown. Look at the plan again.")
        if (sent := one.runs.push_of(job, fingerprint)) is not None:  # a second press, or a colleague's
            return RedirectResponse(f"/channels/{channel.name}/jobs/{sent.number}", 303)
        return self._request(request, RunCommand("push", job.command.flows, expect=fingerprint), job.codes)

    async def stop(self, request: Request) -> Response:
        require_operator(request)
        one, channel = self._pages.usable(request)
        job = known_job(request, one)
        one.runs.interrupt(job)
        return RedirectResponse(f"/channels/{channel.name}/jobs/{job.number}", 303)

    async def schedule(self, request: Request) -> Response:
        """Pauses or resumes the schedule of a channel."""
        user = require_operator(request)
        _, channel = self._pages.usable(request)
        scheduler = self._pages.channels.scheduler
        if first(request, "do") == "pause":
            scheduler.pause(channel.name, user.name)
        else:
            scheduler.resume(channel.name)
        return RedirectResponse("/", 303)

    async def job(self, request: Request) -> Response:
        """How a run goes, and its plan or result once it has ended."""
        one, channel = self._pages.usable(request)
        job = known_job(request, one)
        facts = await self._plan_of(one, channel, job)
        document = job.exit.document if job.exit else {}
        return render(
            request,
            "job.html.j2",
            zone=channel.timezone,
            one=one,
            channel=channel,
            job=job,
            document=document,
            headline=_headline(job),
            flows=document.get("flows") or {},
            sent=one.runs.push_of(job, document["fingerprint"]) if document.get("fingerprint") else None,
            **({"changes": {}, "total": {}} | facts),
        )

    async def _plan_of(self, one: ProjectChannel, channel: Channel, job: Job) -> dict[str, Any]:
        """The first changes of the run, by flow, with what became of them."""
        if job.exit is None or not job.exit.run_id:
            return {}
        run_id = job.exit.run_id

        def read(published: PublishedRows) -> dict[str, Any]:
            changes: dict[str, list[dict[str, Any]]] = {}
            for row in published.rows(_CHANGES, {"run": run_id, "shown": MAX_SHOWN}):
                changes.setdefault(row["flow"], []).append(_in_words(row, channel))
            return {"changes": changes}

        return await in_published(one, read)

    def _request(self, request: Request, command: RunCommand, codes: Sequence[str] | None = None) -> Response:
        user = require_operator(request)
        one, channel = self._pages.usable(request)
        requested = RunCommand(command.verb, command.flows, None, command.expect, command.full, user.name)
        try:
            job = one.runs.request(requested, codes)
        except TooManyRequests:
            raise HTTPException(429, f"Many runs of {channel.name} wait already. Wait until they have ended.") from None
        return RedirectResponse(f"/channels/{channel.name}/jobs/{job.number}", 303)


_CHANGES = """
    select c.flow, c.action, c.key as code, cast(c.before as varchar) as before, cast(c.after as varchar) as after,
           coalesce(j.outcome, '') as outcome, coalesce(j.message, '') as answer
    from sync.changes c left join sync.journal j on j.run_id = c.run_id and j.flow = c.flow and j.key = c.key
    where c.run_id = $run
    qualify row_number() over (partition by c.flow order by j.outcome is not distinct from 'applied', c.action, c.key)
        <= $shown
    order by c.flow, j.outcome is not distinct from 'applied', c.action, c.key"""


def _headline(job: Job) -> str:
    """How the run ended, as its report says it; "" until then."""
    if job.exit is None or job.exit.outcome not in HEADLINES:
        return job.exit.outcome if job.exit else ""
    result = RunResult("", job.exit.run_id, job.command.verb, job.requested_at, job.exit.outcome, job.exit.exit_code)
    result.flows, result.narrowed = job.exit.document.get("flows") or {}, job.codes is not None
    return result.headline


def _in_words(row: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """The change as people read it: `described`, or its `fields` without those that are for this program alone."""
    before, after = row.pop("before"), row.pop("after")
    flow = channel.known_flows.get(row["flow"])
    words = flow.change_words if flow else ChangeWords()
    described = flow.describe_create(decode_exact(after.encode())) if flow and row["action"] == "create" else ()
    shown = [field for field in fields(before, after) if field.name not in words.internal]
    return row | {"fields": shown, "described": described, "labels": words.labels}


def known_job(request: Request, one: ProjectChannel) -> Job:
    """The job of the address. Raises HTTPException."""
    job = one.runs.job(request.path_params["number"])
    if job is None:
        raise HTTPException(404, "The pages were restarted since this run was requested. The list of runs has it.")
    return job


def first(request: Request, name: str) -> str:
    """The first value of the form's field; "" without one."""
    return next(iter(form(request).get(name, [])), "")
