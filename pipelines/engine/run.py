"""Runs the steps of plan and push. Only this module knows their order."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.core.errors import CentraMyogoError, InternalError, StorageError, UnsafePlan
from pipelines.core.process_memory import gc_paused, release_free_memory
from pipelines.core.reference import import_string
from pipelines.core.signals import Interrupt, interruptible
from pipelines.engine import batch_checks
from pipelines.engine.broken_fields import refuse_broken_fields
from pipelines.engine.evaluation_record import record_evaluation, record_states
from pipelines.engine.expiry import apply_retention
from pipelines.engine.extract import Extractor
from pipelines.engine.flow import Evaluation, Flow, FlowContext
from pipelines.engine.kept_evaluation import inputs_of, kept
from pipelines.engine.plan import Plan, diff
from pipelines.engine.push import HELD_BACK, Result, push, read_back
from pipelines.engine.run_observer import RunObserver
from pipelines.engine.safety_limits import refusal
from pipelines.engine.sku_patterns import ALL_ROWS, SkuSelection
from pipelines.state import group_copy
from pipelines.state.daily_amounts import record_daily
from pipelines.state.journal import Journal
from pipelines.state.links import record_found
from pipelines.state.lock import channel_lock
from pipelines.state.permissions import restrictive_umask
from pipelines.state.recovery import is_truncated, rebuild
from pipelines.state.run_history import RunRecorder
from pipelines.state.run_result import RunResult
from pipelines.state.storage_errors import storage_error_from
from pipelines.state.store import Folder, Store, publish, utc_now
from pipelines.systems.system import Client
from pipelines.systems.target import BatchTarget

if TYPE_CHECKING:
    from pipelines.config.channel import Channel
    from pipelines.fleet.shared_state import SharedState

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """The options of the command line. Without `flows`, all flows of the channel run. `requested_by` is the user of
    the pages who requested the run."""

    verb: str
    flows: tuple[str, ...] = ()
    selection: SkuSelection = ALL_ROWS
    requested_by: str | None = None
    expect: str | None = None
    force: bool = False
    rebuild: bool = False
    full: bool = False


def run(channel: Channel, data: Path, options: RunOptions, observer: RunObserver) -> RunResult:
    """Runs `plan` or `push` once. The result states how the run ended.

    Raises only ChannelBusy and errors from before the run begins: in the configuration, a secret, the data folder or a
    working file that cannot be opened.
    """
    folder = Folder(data, channel.name)
    folder.make()
    group_copy.check(channel.publish, folder)
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
        stack.enter_context(channel_lock(folder, channel.name, options.verb, channel.path))
        shared = stack.enter_context(_shared_state(channel, folder, options.verb)) if channel.state else None
        return _Run(channel, folder, options, observer, clients, interrupted, shared).execute()


def _shared_state(channel: Channel, folder: Folder, verb: str) -> AbstractContextManager[SharedState]:
    from pipelines.fleet.shared_state import shared_state  # it needs packages that no other channel needs

    assert channel.state is not None
    return shared_state(channel.state, folder, channel.name, verb, channel.longest_call_s, channel.personal_columns)


class _Run:
    def __init__(
        self,
        channel: Channel,
        folder: Folder,
        options: RunOptions,
        observer: RunObserver,
        clients: Mapping[str, Client],
        interrupted: Interrupt,
        shared: SharedState | None,
    ) -> None:
        self.channel, self.folder, self.options, self.observer = channel, folder, options, observer
        self.clients, self.interrupted, self.shared = clients, interrupted, shared
        now = utc_now()
        # Run ids sort by time; two runs of one channel never begin at the same moment.
        run_id = f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{uuid.uuid4().hex[:1]}"
        self.report = RunResult(channel.name, run_id, options.verb, now, narrowed=options.selection != ALL_ROWS)
        self.names = channel.in_order(options.flows)
        self.sku = options.selection.as_patterns()
        for name in self.names:
            self.report.begin(name)
        self.steps: dict[str, float] = {}
        self.findings: dict[str, Any] = {}
        self.inputs: dict[str, str] = {}  # by flow, a digest of what its evaluation depends on; "" if none is kept
        self.waiting: set[str] = set()  # flows whose plan is not applied, though the others' are
        self.compact = False  # whether the working file may hold the bytes of personal data that are no longer needed

    def execute(self) -> RunResult:
        report, schema = self.report, self.channel.database_schema
        if not self.folder.work.exists():
            place = self.folder.root.resolve()
            report.facts["new_folder"] = f"New data folder {place}: this channel has no history here."
        if self.shared and self.shared.restored:
            report.facts["restored"] = self.shared.restored
        if self.options.rebuild or is_truncated(self.folder):
            report.facts["rebuilt"] = rebuild(self.folder, schema, report.started_at)
        with contextlib.closing(Store(self.folder, schema)) as store:
            linked = [name for name, flow in self.channel.declarations.items() if flow.keeps_links]
            recorder = RunRecorder(self.folder, store, report, linked, self.shared)
            with self._capture_errors():
                recorder.start(self.options.force, self.sku, self.options.requested_by)
                self._run_steps(store, recorder)
            with self._capture_errors():
                # Rows that a new read has replaced leave their bytes in the file, as blanked ones do.
                blanked = apply_retention(self.channel, store, report.started_at)
                self.compact = self.compact or bool(blanked)
            with self._capture_errors():
                recorder.finish(self._facts())
        # A damaged working file must not replace the published copy, because --rebuild may need the history in it.
        if report.ended_at is not None and report.outcome != StorageError.outcome:
            with self._capture_errors():
                publish(self.folder, compact=self.compact)
                group_copy.write(self.channel.publish, self.folder, self.channel.personal_columns)
            with self._capture_errors():
                if self.shared:
                    self.shared.give_back()
        return report

    @contextlib.contextmanager
    def _capture_errors(self) -> Iterator[None]:
        """Puts any error that is raised inside into the report."""
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

    def _run_steps(self, store: Store, recorder: RunRecorder) -> None:
        plans: dict[str, Plan] = {}
        refused: list[UnsafePlan] = []
        to_show: list[Callable[[], None]] = []
        with gc_paused():
            flows = self._flows(store)
            self._read(store, flows)
            refuse_broken_fields(store, flows)
            for name, flow in flows.items():
                plans[name], evaluation = self._evaluated(store, name, flow)
                to_show.append(partial(self.observer.planned, self.report, flow, plans[name], evaluation))
                if not self.sku:  # else only a plan of codes that exist is shown
                    to_show.pop()()
                refused += self._refusals(name, flow, evaluation, plans[name])
        self.options.selection.require_matches([flow.context.codes for flow in flows.values()])
        for show in to_show:
            show()
        self._refuse_if_unsafe(refused)
        with self._step("history"):  # a read that the limits refuse is not one to remember
            record_daily(store, (one for flow in flows.values() for one in flow.daily), self.report.started_at.date())
        if self.options.verb == "push":
            for name, flow in flows.items():
                if flow.keeps_links:
                    record_found(store, name, plans[name].found, self.report.run_id, self.report.started_at)
            if any(len(plan.changes) for plan in plans.values()):
                recorder.record_plan()
            for name, plan in plans.items():
                if name not in self.waiting and len(plan.changes):
                    with self._step("push", name):
                        self._push(name, plan)
        withheld = {"new": ["withheld_new"], "any": ["withheld"], "never": []}[self.channel.attention]
        news = [self.report.counts[name] for name in (*withheld, "refused", "unknown")]
        if any(news) or self.report.facts.get("held_back"):
            self.report.outcome, self.report.exit_code = "attention", 3

    def _flows(self, store: Store) -> dict[str, Flow]:
        services: dict[type, Any] = {}
        of_run = partial(FlowContext, channel=self.channel, store=store, run_id=self.report.run_id, sku=self.sku,
                         services=services, now=self.report.started_at)  # fmt: skip
        return {name: self.channel.declarations[name](of_run(name)) for name in self.names}

    def _read(self, store: Store, flows: Mapping[str, Flow]) -> None:
        """Reads the catalogues first, then the dated rows, because these may be checked against a catalogue."""
        report, channel = self.report, self.channel
        extractor = Extractor(
            channel, store, self.clients, self.interrupted, self._step, self.findings, self.observer.reading
        )
        if catalogues := [name for name, flow in flows.items() if flow.kind == "catalogue"]:
            report.facts["read"] = extractor.read_catalogues(
                channel.sources(catalogues),
                report.run_id,
                report.started_at,
                full_read=self.options.full,
                preload=any(
                    flows[name].validates_batches and batch_checks.keeps_none(store, name) for name in catalogues
                ),
            )
        if windows := channel.dated([*flows]):
            readers = [flow for name, flow in flows.items() if channel.dated([name])]
            since = min(flow.window(report.started_at) for flow in readers)
            personal = frozenset(table for flow in readers for table in flow.personal_tables())
            self.compact = True
            rows = dict.fromkeys(channel.declarations[name].words.rows for name in windows)
            extractor.read_windows(channel.sources(windows), since, personal, ", ".join(rows))
        for name, flow in flows.items():
            flow.context.full_read = report.facts.get("read", {}).get("kind") == "full"
            if lookups := flow.lookups():
                with self._step("look up", name):
                    skipped = [key for lookup in lookups for key in extractor.look_up(lookup)]
                    flow.context.skipped_lookups = frozenset(skipped)

    def _evaluated(self, store: Store, name: str, flow: Flow) -> tuple[Plan, Evaluation]:
        """The plan and the evaluation of the run before, if all that they depend on is unchanged; else new ones."""
        with self._step("compare with the run before", name):
            inputs = None if "rebuilt" in self.report.facts else inputs_of(flow)
            self.inputs[name] = inputs or ""
            if inputs and (results := kept(flow, self.report, inputs)):
                return results
        evaluation = flow.evaluate(partial(self._step, flow=name))
        with self._step("plan", name):
            record_evaluation(store, self.report, flow, evaluation, narrowed=bool(self.sku))
            plan = self._plan(store, name, evaluation)
            record_states(store, flow, evaluation, plan, narrowed=bool(self.sku))
            self.report.evaluated_in[name] = self.report.run_id
        return plan, evaluation

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
        is_kept = self.report.evaluated_in[name] != self.report.run_id  # so it broke no limit
        violations = [] if is_kept else flow.limit_violations(plan, evaluation)
        self.report.facts.setdefault("limits", []).extend(violation.message for violation in violations)
        expectations = evaluation.expectations
        stop_messages = batch_checks.stop_messages(expectations, self.options.force) if expectations else []
        hard_stop = None if is_kept else flow.hard_stop(plan, evaluation)
        if self.inputs[name] and plan.changes.empty and not violations and not hard_stop:
            self.report.inputs[name] = self.inputs[name]
        if hard_stop:
            if len(self.names) > 1:
                self.waiting.add(name)
                self.report.facts.setdefault("waiting", []).append(f"{hard_stop.message} {hard_stop.fix}")
                return
            yield hard_stop  # --force, which the limits propose, does not lift it
        elif (violations or stop_messages) and not self.options.force:
            yield refusal(violations, stop_messages, name, self.channel.path)

    def _refuse_if_unsafe(self, refused: list[UnsafePlan]) -> None:
        """Raises UnsafePlan, before any write, if the plan of a flow is refused or is not the reviewed one."""
        reviewed, fingerprint = self.options.expect, self.report.fingerprint
        if reviewed is not None and reviewed != fingerprint:
            raise UnsafePlan(
                f"The plan is now {fingerprint}, not the reviewed {reviewed}: data or settings have changed.",
                "Nothing was written. Run plan again, review the new plan, and push with its fingerprint.",
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
            if result.reason == HELD_BACK:
                report.facts.setdefault("held_back", []).append(result.change.key)
            self.observer.result(result)

        with Journal(self.folder.journal, report.run_id, name, self.shared) as journal:
            pushed = push(plan, target, journal, in_flight, on_result, self.interrupted.event)
            self.interrupted.written |= bool(pushed.counts["applied"] + pushed.counts["unknown"])
            report.flows[name].update(pushed.counts)
            if pushed.stopped is not None:
                raise pushed.stopped
            if applied and isinstance(target, BatchTarget):
                written = plan.changes[plan.changes["key"].isin(applied)]
                report.facts["read_back"], refused = read_back(target, written, began, journal)
                report.flows[name]["applied"] -= len(refused)
                report.flows[name]["refused"] += len(refused)

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
        begun = time.monotonic()
        try:
            yield
        finally:
            release_free_memory()
            self.steps[name] = self.steps.get(name, 0.0) + time.monotonic() - begun
            log.info("step=%r seconds=%.3f run=%s", name, self.steps[name], self.report.run_id)
