"""The straight line of a run; the only place that knows the order of the steps."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from pipelines.config.channel import Channel
from pipelines.config.reference import import_string
from pipelines.core.errors import CentraMyogoError, InternalError, StorageError, UnsafePlan
from pipelines.core.process_memory import gc_paused, release_free_memory
from pipelines.core.signals import Interrupt, interruptible
from pipelines.engine import batch_checks
from pipelines.engine.extract import Extractor
from pipelines.engine.flow import Evaluation, Flow, FlowContext
from pipelines.engine.plan import Plan, diff
from pipelines.engine.push import Result, push, read_back
from pipelines.engine.safety_limits import refusal
from pipelines.state import retention
from pipelines.state.issue_history import update_issues
from pipelines.state.journal import Journal
from pipelines.state.lock import channel_lock
from pipelines.state.permissions import restrictive_umask
from pipelines.state.recovery import is_truncated, rebuild
from pipelines.state.run_history import RunRecorder
from pipelines.state.run_result import RunResult
from pipelines.state.storage_errors import storage_error_from
from pipelines.state.store import Folder, Store, publish, utc_now
from pipelines.systems.system import Client
from pipelines.systems.target import BatchTarget

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """What was asked for on the command line; no `flows` means all that the channel has."""

    verb: str
    flows: tuple[str, ...] = ()
    sku: tuple[str, ...] = ()
    expect: str | None = None
    force: bool = False
    rebuild: bool = False
    full: bool = False


class RunObserver(Protocol):
    """Whoever shows the run while it happens."""

    def step(self, name: str) -> None: ...

    def planned(self, report: RunResult, flow: str, plan: Plan, evaluation: Evaluation) -> None: ...

    def result(self, result: Result) -> None: ...


def run(channel: Channel, data: Path, options: RunOptions, observer: RunObserver) -> RunResult:
    """One run of `plan` or `push`. The result says how it ended; only ChannelBusy and what comes before the run begins
    (configuration, a missing secret, the data folder, a working file that cannot be opened) are raised."""
    folder = Folder(data, channel.name)
    folder.make()
    flows = channel.in_order(options.flows)
    with contextlib.ExitStack() as stack:
        stack.enter_context(restrictive_umask())
        clients = {
            name: stack.enter_context(
                contextlib.closing(
                    channel.system_declarations[name].connect(channel.systems[name], channel.permissions(name, flows))
                )
            )
            for name in channel.systems_of(flows)
        }
        interrupted = stack.enter_context(interruptible())
        stack.enter_context(channel_lock(folder, channel.name, options.verb))
        return _Run(channel, folder, options, observer, clients, interrupted).execute()


class _Run:
    def __init__(
        self,
        channel: Channel,
        folder: Folder,
        options: RunOptions,
        observer: RunObserver,
        clients: Mapping[str, Client],
        interrupted: Interrupt,
    ) -> None:
        self.channel, self.folder, self.options, self.observer = channel, folder, options, observer
        self.clients, self.interrupted = clients, interrupted
        now = utc_now()
        # Sorts like the time; two runs of one channel never begin at the same moment.
        run_id = f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{uuid.uuid4().hex[:1]}"
        self.report = RunResult(channel.name, run_id, options.verb, now)
        self.names = channel.in_order(options.flows)
        for name in self.names:
            self.report.begin(name)
        self.steps: dict[str, float] = {}
        self.findings: dict[str, Any] = {}

    def execute(self) -> RunResult:
        report, schema = self.report, self.channel.database_schema
        if self.options.rebuild or is_truncated(self.folder):
            report.facts["rebuilt"] = rebuild(self.folder, schema, report.started_at)
        with contextlib.closing(Store(self.folder, schema)) as store:
            recorder = RunRecorder(self.folder, store, report)
            with self._capture_errors():
                recorder.start(self.options.force, list(self.options.sku))
                self._line(store, recorder)
            with self._capture_errors():
                self._forget(store)
            with self._capture_errors():
                recorder.finish(self._facts())
        # A file that has turned out to be damaged must not take the place of a good copy: history may come from it.
        if report.ended_at is not None and report.outcome != StorageError.outcome:
            with self._capture_errors():
                publish(self.folder)
        return report

    @contextlib.contextmanager
    def _capture_errors(self) -> Iterator[None]:
        """Whatever goes wrong inside ends up in the report."""
        try:
            yield
        except CentraMyogoError as error:
            self.report.failed(error)
        except Exception as error:
            if storage_error := storage_error_from(error, self.folder.root):
                self.report.failed(storage_error)
                return
            log.exception("internal error run=%s", self.report.run_id)
            self.report.failed(InternalError(f"{type(error).__name__}: {error}", "Please report this with the log."))

    def _line(self, store: Store, recorder: RunRecorder) -> None:
        plans: dict[str, Plan] = {}
        refused: list[UnsafePlan] = []
        with gc_paused():
            flows = self._flows(store)
            self._read(store, flows)
            for name, flow in flows.items():
                evaluation = flow.evaluate(partial(self._step, flow=name))
                with self._step("plan", name):
                    self._record(store, name, flow, evaluation)
                    plans[name] = self._plan(store, name, evaluation)
                self.observer.planned(self.report, name, plans[name], evaluation)
                refused += self._refusals(name, flow, evaluation, plans[name])
        self._refuse_if_unsafe(refused)
        if self.options.verb == "push":
            if any(len(plan.changes) for plan in plans.values()):
                recorder.record_plan()
            for name, plan in plans.items():
                with self._step("push", name):
                    self._push(name, plan)
        if any(self.report.counts[name] for name in ("withheld", "refused", "unknown")):
            self.report.outcome, self.report.exit_code = "attention", 3

    def _flows(self, store: Store) -> dict[str, Flow]:
        services: dict[type, Any] = {}
        return {
            name: self.channel.declarations[name](
                FlowContext(name, self.channel, store, self.report.run_id, self.options.sku, services=services)
            )
            for name in self.names
        }

    def _read(self, store: Store, flows: Mapping[str, Flow]) -> None:
        """The catalogues first, then what has dates: a row of these may be checked against a catalogue."""
        report, channel = self.report, self.channel
        extractor = Extractor(channel, store, self.clients, self.interrupted, self._step, self.findings)
        if catalogues := [name for name, flow in flows.items() if flow.kind == "catalogue"]:
            report.facts["read"] = extractor.read_catalogues(
                channel.sources(catalogues),
                report.run_id,
                report.started_at,
                full_read=self.options.full,
                preload=any(flows[name].suites for name in catalogues),
            )
        windows = {name: flow for name, flow in flows.items() if flow.kind == "window"}
        if windows:
            since = min(flow.window(report.started_at) for flow in windows.values())
            personal = frozenset(table for flow in windows.values() for table in flow.personal_tables())
            rows = dict.fromkeys(flow.words.rows for flow in windows.values())
            extractor.read_windows(channel.sources([*windows]), since, personal, ", ".join(rows))
        for name, flow in flows.items():
            flow.context.full_read = report.facts.get("read", {}).get("kind") == "full"
            if lookups := flow.lookups():
                with self._step("look up", name):
                    rest = [key for lookup in lookups for key in extractor.look_up(lookup)]
                    flow.context.skipped_lookups = frozenset(rest)

    def _record(self, store: Store, name: str, flow: Flow, evaluation: Evaluation) -> None:
        """What is withheld, since when, and how many rows each rule of the flow concerns."""
        report, withheld, warned = self.report, evaluation.withheld, evaluation.warned
        report.flows[name].update(evaluation.counts)
        if evaluation.expectations:
            report.facts["expectations"] = evaluation.expectations
        narrowed = bool(self.options.sku)
        since = update_issues(
            store, name, report.run_id, report.started_at, withheld, evaluation.records, narrowed=narrowed
        )
        store.append("sync.withheld", withheld.assign(run_id=report.run_id, flow=name, since=since))
        target = self.channel.flows[name].target_system
        store.replace_flow(f"out_{target}.warnings", name, warned)
        counted = pd.concat([withheld["rule"], warned["rule"]]).value_counts()
        counts = {
            "run_id": report.run_id,
            "flow": name,
            "rule": [rule.id for rule in flow.rules],
            "withholds": [rule.withholds for rule in flow.rules],
            "row_count": [int(counted.get(rule.id, 0)) for rule in flow.rules],
        }
        store.append("sync.rule_counts", pd.DataFrame(counts))

    def _plan(self, store: Store, name: str, evaluation: Evaluation) -> Plan:
        report = self.report
        plan = diff(evaluation.desired, evaluation.live, import_string(self.channel.flows[name].contract))
        report.flows[name] |= {
            "create": plan.count("create"),
            "update": plan.count("update"),
            "unchanged": plan.unchanged,
            "not_attempted": len(plan.changes) if report.verb == "push" else 0,
        }
        report.fingerprints[name] = plan.fingerprint
        if mismatch := report.count_mismatch(name):
            raise InternalError(f"The counts do not add up: {mismatch}.", "Please report this; nothing was written.")
        store.append("sync.changes", plan.changes.assign(run_id=report.run_id, flow=name))
        return plan

    def _refusals(self, name: str, flow: Flow, evaluation: Evaluation, plan: Plan) -> Iterator[UnsafePlan]:
        broken = flow.limit_violations(plan, evaluation)
        self.report.facts.setdefault("limits", []).extend(violation.words for violation in broken)
        expectations = evaluation.expectations
        stopped = batch_checks.stopping(expectations, self.options.force) if expectations else []
        if never := flow.hard_stop(plan):
            yield never
        if (broken or stopped) and not self.options.force:
            yield refusal(broken, stopped, name, self.channel.path)

    def _refuse_if_unsafe(self, refused: list[UnsafePlan]) -> None:
        """Nothing at all is written where the plan of one flow is refused, or is not the one that was reviewed."""
        expect, found = self.options.expect, self.report.fingerprint
        if expect is not None and expect != found:
            raise UnsafePlan(
                f"The plan is {found}, not the reviewed {expect}: something changed on either side.",
                "Nothing was written. Review the new plan and push it with its own fingerprint.",
            )
        if refused:
            fixes = dict.fromkeys(one.fix for one in refused)
            raise UnsafePlan(" ".join(one.message for one in refused), " ".join(fixes))

    def _push(self, name: str, plan: Plan) -> None:
        report, settings, began = self.report, self.channel.flows[name], utc_now()
        target = import_string(settings.target)(self.clients, self.channel.flow_params(name))
        in_flight = self.clients[settings.target_system].config.max_in_flight
        applied: set[str] = set()

        def on_result(result: Result) -> None:
            if result.outcome == "applied":
                applied.add(result.change.key)
            self.observer.result(result)

        with Journal(self.folder.journal, report.run_id, name) as journal:
            pushed = push(plan, target, journal, in_flight, on_result, self.interrupted.event)
            self.interrupted.written |= bool(pushed.counts["applied"] + pushed.counts["unknown"])
            report.flows[name].update(pushed.counts)
            if pushed.stopped is not None:
                raise pushed.stopped
            if applied and isinstance(target, BatchTarget):
                written = plan.changes[plan.changes["key"].isin(applied)]
                report.facts["read_back"] = read_back(target, written, began, journal)

    def _forget(self, store: Store) -> None:
        """Blanks personal data, and drops fields of plans, that no flow of the channel may keep any longer."""
        channel, now = self.channel, self.report.started_at
        kept: dict[tuple[str, str], int] = {}
        for name, declared in channel.declarations.items():
            for place, days in declared.personal_days(channel.flow_params(name)).items():
                kept[place] = max(days, kept.get(place, 0))
        for system in channel.known_systems.values():
            for one in system.personal:
                days = kept.get((system.name, one.table), 0)
                config = channel.systems.get(system.name)
                before = system.moment(config, now - timedelta(days=days)) if days and config else None
                retention.blank_personal_data(
                    store, f"raw_{system.name}.{one.table}", one.columns, one.dated_by, before
                )
        for name, declared in channel.known_flows.items():
            params = channel.flow_params(name) if name in channel.flows else None
            oldest = {
                field: f"{now - timedelta(days=days):%Y%m%dT%H%M%S}"
                for field, days in declared.expiring_fields(params).items()
            }
            retention.drop_expired_fields(store, name, oldest)

    def _facts(self) -> dict[str, Any]:
        return {
            "findings": self.findings,
            "seconds": {name: round(seconds, 3) for name, seconds in self.steps.items()},
            "health": {name: client.stats.facts() for name, client in self.clients.items()},
        }

    @contextlib.contextmanager
    def _step(self, name: str, flow: str = "") -> Iterator[None]:
        self.interrupted.check()
        if flow != self.names[0] and flow:
            name = f"{flow}: {name}"
        self.observer.step(name)
        begun = time.monotonic()
        try:
            yield
        finally:
            release_free_memory()
            self.steps[name] = self.steps.get(name, 0.0) + time.monotonic() - begun
            log.info("step=%r seconds=%.3f run=%s", name, self.steps[name], self.report.run_id)
