"""Decides when the state of a channel has changed, and sends one message about it: `[alerts]` of a channel file."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from pipelines.config.channel import Channel
from pipelines.core.errors import CentraMyogoError, ChannelBusy, RemoteSystemError
from pipelines.reports.alert_delivery import LONGEST_S, deliver
from pipelines.reports.alert_facts import AlertFacts, gather_facts
from pipelines.reports.alert_state import AlertFile, AlertRecord, FlowRecord, State
from pipelines.reports.alert_text import KINDS, body, exceeded, title
from pipelines.reports.staleness import good_at, is_stale
from pipelines.state.run_result import RunResult
from pipelines.state.store import Folder, utc_now

log = logging.getLogger(__name__)
_WORST_LAST: tuple[State, ...] = ("good", "attention", "failed")
_MAY_BE_OVER = 2  # pushes in a row with exit 5 before a flow counts as failed


def notify(
    channel: Channel,
    data: Path,
    run: RunResult | None = None,
    *,
    max_age: timedelta | None = None,
    now: datetime | None = None,
) -> State | None:
    """Sends a message if the channel's state is not that of the last message, or if new rows need attention.

    With `run`, a push that has ended; without, a look at the age of the last good push, for `status` and `serve`.
    `max_age` is the limit where the channel file has no `hours_since_success`. Times are UTC without an offset.

    Takes at most LONGEST_S for another process that sends an alert of this channel, and LONGEST_S for all targets.
    Never raises; what goes wrong is one log warning. Returns the state, or None if alerts are off or it is not known.
    """
    alerts = channel.alerts
    if alerts is None or not alerts.urls or (run is not None and run.exit_code == ChannelBusy.exit_code):
        return None
    try:
        return _notify(channel, Folder(data, channel.name), run, max_age, now or utc_now())
    except CentraMyogoError as error:
        log.warning("no alert was sent for channel=%s: %s", channel.name, error.message)
    except Exception as error:
        log.warning("no alert was sent for channel=%s: %s", channel.name, type(error).__name__)
        log.debug("internal error in an alert", exc_info=True)
    return None


def notify_stale(channels: Iterable[Channel], data: Path, max_age: timedelta | None = None) -> None:
    """`notify` for each channel whose last good push has an age limit."""
    for channel in channels:
        if channel.alerts is not None and (max_age is not None or channel.alerts.hours_since_success is not None):
            notify(channel, data, max_age=max_age)


def _notify(
    channel: Channel, folder: Folder, run: RunResult | None, max_age: timedelta | None, now: datetime
) -> State | None:
    assert channel.alerts is not None
    file = AlertFile(folder)
    with file.locked(0.0 if run is None else LONGEST_S) as is_ours:
        if not is_ours:
            log.info("another process sends the alerts of channel=%s", channel.name)
            return None
        before = file.read()
        if run is None and before is not None and (known := _settled_state(channel, before, max_age, now)):
            return known
        facts = gather_facts(folder, run)
        record = before or AlertRecord(good_at=facts.last_push or now)
        if run is not None:
            record = after_run(channel, record, run, facts)
        record = record.model_copy(update={"good_at": good_at(record, facts.last_push)})
        state = state_of(channel, record, max_age, now)
        if state != record.sent or (state == "attention" and record.news):
            text = body(channel, folder.root.parent, state, record, facts, now)
            if deliver(channel.alerts.urls, title(channel, state), text, kind=KINDS[state]):
                record = record.model_copy(update={"sent": state, "news": False})
        if state != "attention":
            record = record.model_copy(update={"news": False})
        if record != before:
            file.write(record)
        return state


def _settled_state(channel: Channel, record: AlertRecord, max_age: timedelta | None, now: datetime) -> State | None:
    """The state that the last message said, if the published tables cannot change it; else None. Each channel is looked
    at every minute, and its tables are opened only if a message may be due. If the last message said stale, a good push
    may have ended without a record."""
    state = state_of(channel, record, max_age, now)
    return state if state == record.sent != "stale" and not record.news else None


def state_of(channel: Channel, record: AlertRecord, max_age: timedelta | None, now: datetime) -> State:
    """Stale if the last good push is too old; else the worst state of the channel's flows."""
    if is_stale(channel, record.good_at, now, max_age):
        return "stale"
    states = [one.state for flow, one in record.flows.items() if flow in channel.flows]
    return max(states, key=_WORST_LAST.index, default="good")


def after_run(channel: Channel, record: AlertRecord, run: RunResult, facts: AlertFacts) -> AlertRecord:
    """The record after a push. Flows that it did not run keep their state."""
    ran = [flow for flow in run.flows if flow in channel.flows] or [*channel.flows]
    flows = {flow: record.flows.get(flow, FlowRecord()) for flow in channel.flows}
    before = {flow: flows[flow] for flow in ran}
    if run.exit_code in (0, 3):
        flows |= _after_success(channel, run, facts)
        conditions = any(set(flows[flow].conditions) - set(before[flow].conditions) for flow in ran)
        return record.model_copy(
            update={
                "flows": flows,
                "good_at": run.started_at,
                "news": record.news or conditions or bool(_with_news(channel, run, facts)),
            }
        )
    for flow, one in before.items():
        unavailable = one.unavailable + 1 if run.exit_code == RemoteSystemError.exit_code else 0
        failed = not unavailable or unavailable >= _MAY_BE_OVER
        flows[flow] = one.model_copy(update={"state": "failed" if failed else one.state, "unavailable": unavailable})
    return record.model_copy(update={"flows": flows})


def _after_success(channel: Channel, run: RunResult, facts: AlertFacts) -> dict[str, FlowRecord]:
    """The flows of a run that ended with exit 0 or 3. Exit 3 belongs to the flows whose rows need attention, or to all
    if that is not known. After exit 0, a flow needs attention for the rows that a plan has already shown."""
    conditions = exceeded(channel, run)
    news = _with_news(channel, run, facts)
    withheld = {"new": ["withheld_new"], "any": ["withheld"], "never": []}[channel.attention]
    causes = [
        flow for flow, counts in run.flows.items() if any(counts[name] for name in (*withheld, "refused", "unknown"))
    ]
    concerned = (causes or [*run.flows]) if run.exit_code == 3 else []
    return {
        flow: FlowRecord(
            state="attention" if flow in concerned or flow in news or conditions[flow] else "good",
            conditions=tuple(conditions[flow]),
        )
        for flow in run.flows
    }


def _with_news(channel: Channel, run: RunResult, facts: AlertFacts) -> frozenset[str]:
    """The flows of the run that withhold a row, or had a change refused, that the push before it had not."""
    refused = facts.newly_refused & run.flows.keys()
    held_back = run.flows.keys() if run.facts.get("held_back") else frozenset()
    if channel.attention == "never":
        return refused | held_back
    withheld = {flow for flow, counts in run.flows.items() if counts["withheld_new"] or flow in facts.newly_withheld}
    return refused | held_back | withheld
