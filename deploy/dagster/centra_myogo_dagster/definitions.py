"""What a code server loads: `dagster code-server start -m centra_myogo_dagster.definitions`.

Each channel has an asset for each flow on its home machine, and a job that stands in on every other machine.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

# A cron line's earlier times; Dagster exports no function for them.
from dagster._utils.schedules import reverse_cron_string_iterator

from centra_myogo_dagster import pushing
from centra_myogo_dagster.channel_files import ChannelFile, Timing, find_channels
from centra_myogo_dagster.observing import observe
from centra_myogo_dagster.settings import Settings, settings_of
from centra_myogo_dagster.turns import EarlierRun, Turn, machines_in_order, turn

log = logging.getLogger(__name__)
AT_WORK = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
WAITING = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING]


def build(settings: Settings) -> dg.Definitions:
    """The definitions of this machine. A channel file that cannot be used is left out, with a line in the log."""
    channels = find_channels(settings.channels)
    each, problems = [], [*channels.problems]
    for channel in channels.files:
        try:
            each.append(_channel(settings, channel))
        except dg.DagsterError as error:  # such as a cron line that Dagster does not take
            problems.append(f"{channel.path.name} is left out: {error}")
    for problem in problems:
        log.warning(problem)
    shared = dg.Definitions(
        sensors=[_sensor(settings, channels.files)],
        metadata={"machine": settings.machine, "channel files left out": "\n".join(problems) or "none"},
    )
    return dg.Definitions.merge(shared, *each)


def _channel(settings: Settings, channel: ChannelFile) -> dg.Definitions:
    position = machines_in_order(channel.name, settings.machines).index(settings.machine)
    tags = {pushing.CHANNEL_TAG: channel.name, pushing.CENTRA_TAG: channel.centra}
    if position == 0:
        assets = [_assets(settings, channel)]
        job: Any = dg.define_asset_job(
            f"channel_{channel.identifier}",
            selection=assets,
            executor_def=dg.in_process_executor,
            tags=tags,
            description=f"Pushes the channel {channel.name}.",
        )
    else:
        assets, job = [], _stand_in(settings, channel, tags)
    schedules = [
        _schedule(settings, channel, timing, number, job, position) for number, timing in enumerate(channel.timings)
    ]
    return dg.Definitions(assets=assets, jobs=[job], schedules=schedules)


def _assets(settings: Settings, channel: ChannelFile) -> dg.AssetsDefinition:
    keys = {flow: dg.AssetKey([channel.name, flow]) for flow in channel.flows}

    @dg.multi_asset(
        name=f"push_{channel.identifier}",
        can_subset=True,
        pool=channel.merchant,
        specs=[dg.AssetSpec(key, skippable=True, group_name=channel.identifier) for key in keys.values()],
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=meaning)
            for flow, key in keys.items()
            for name, meaning in pushing.checks_of(flow).items()
        ],
    )
    def push(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        flows = [flow for flow, key in keys.items() if key in context.selected_asset_keys]
        for result in pushing.push(context, settings, channel, flows):
            checks = [
                dg.AssetCheckResult(
                    passed=one.passed,
                    check_name=one.name,
                    asset_key=keys[result.flow],
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata=one.metadata,
                )
                for one in result.checks
            ]
            yield dg.MaterializeResult(asset_key=keys[result.flow], metadata=result.metadata, check_results=checks)

    return push


def _stand_in(settings: Settings, channel: ChannelFile, tags: dict[str, str]) -> dg.JobDefinition:
    """A job that does the same on a machine that is not the channel's home. Its results are those of the home's assets:
    an asset has one definition."""

    @dg.op(name=f"stand_in_{channel.identifier}", pool=channel.merchant)
    def push(context: dg.OpExecutionContext) -> None:
        chosen = context.run.tags.get(pushing.FLOWS_TAG, "")
        flows = [flow for flow in channel.flows if flow in chosen.split()] or channel.flows
        for result in pushing.push(context, settings, channel, flows):
            key = dg.AssetKey([channel.name, result.flow])
            context.log_event(dg.AssetMaterialization(key, metadata=result.metadata))
            for one in result.checks:
                context.log_event(
                    dg.AssetCheckEvaluation(
                        asset_key=key,
                        check_name=one.name,
                        passed=one.passed,
                        severity=dg.AssetCheckSeverity.WARN,
                        metadata={name: dg.MetadataValue.text(str(value)) for name, value in one.metadata.items()},
                    )
                )

    @dg.job(
        name=f"stand_in_for_channel_{channel.identifier}",
        executor_def=dg.in_process_executor,
        tags=tags,
        description=f"Pushes the channel {channel.name} when its home machine does not.",
    )
    def stand_in() -> None:
        push()

    return stand_in


def _schedule(
    settings: Settings, channel: ChannelFile, timing: Timing, number: int, job: Any, position: int
) -> dg.ScheduleDefinition:
    name = f"{job.name}_{number}" if number else job.name
    flows = " ".join(timing.flows)
    own = {pushing.SCHEDULE_TAG: f"{timing.text}: {flows}"}
    tags = own | {pushing.FLOWS_TAG: flows} | ({pushing.FULL_TAG: "true"} if timing.full else {})
    keys = [dg.AssetKey([channel.name, flow]) for flow in timing.flows]

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=timing.times.cron,
        execution_timezone=channel.zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=own[pushing.SCHEDULE_TAG],
    )
    def times(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at, instance = context.scheduled_execution_time, context.instance
        if not timing.times.has(at, channel.zone):
            return dg.SkipReason(f"{timing.text}: not at this time")
        lost = _end_lost_runs(instance, channel, timedelta(seconds=settings.lost_after_s))
        if not any(own.items() <= run.tags.items() for run in lost):
            earlier = _earlier_run(instance, {pushing.CHANNEL_TAG: channel.name} | own)
            chosen = turn(position, earlier, datetime.now(UTC), _interval(timing, at, channel.zone))
            if chosen is not Turn.START:
                return dg.SkipReason(chosen.value)
        return dg.RunRequest(asset_selection=None if position else keys, tags=tags)

    return times


def _end_lost_runs(instance: dg.DagsterInstance, channel: ChannelFile, lost_after: timedelta) -> list[dg.DagsterRun]:
    """Records the runs of the channel as failed that have given no sign of life for so long: their machine is gone, and
    they would keep their pool for ever. Returns them."""
    filters = dg.RunsFilter(tags={pushing.CHANNEL_TAG: channel.name}, statuses=AT_WORK)
    lost = []
    for record in instance.get_run_records(filters):
        if datetime.now(UTC) - record.update_timestamp > lost_after:
            run = record.dagster_run
            machine = run.tags.get(pushing.MACHINE_TAG, "its machine")
            seen_at = f"{record.update_timestamp:%Y-%m-%d %H:%M:%S} UTC"
            instance.report_run_failed(run, f"No sign of life from {machine} since {seen_at}: the run counts as lost.")
            lost.append(run)
    return lost


def _earlier_run(instance: dg.DagsterInstance, tags: dict[str, str]) -> EarlierRun | None:
    """The run with these tags that is active or waits, or else the newest one."""
    records = instance.get_run_records(dg.RunsFilter(tags=tags, statuses=[*AT_WORK, *WAITING]), limit=1)
    records = records or instance.get_run_records(dg.RunsFilter(tags=tags), limit=1)
    return EarlierRun(records[0].create_timestamp, not records[0].dagster_run.is_finished) if records else None


def _interval(timing: Timing, at: datetime, zone: str) -> timedelta:
    """Between this time of the schedule and the one before it."""
    if timing.times.interval_s:
        return timedelta(seconds=timing.times.interval_s)
    before: datetime = next(
        reverse_cron_string_iterator((at - timedelta(seconds=1)).timestamp(), timing.times.cron, zone)
    )
    return at - before


def _sensor(settings: Settings, channels: Sequence[ChannelFile]) -> dg.SensorDefinition:
    @dg.sensor(
        name="runs_from_elsewhere",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows the runs of the pages, the command line and webhooks as observations.",
    )
    def runs_from_elsewhere(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return observe(context, settings, channels)

    return runs_from_elsewhere


defs = build(settings_of())
