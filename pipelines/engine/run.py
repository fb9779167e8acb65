"""The straight line of a run; the only place that knows the order of the steps."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator
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
from pipelines.flows.product_catalogue import ProductCatalogue
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
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.target import BatchTarget
from schemas.rules import RULES

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

    def planned(self, report: RunResult, flow: str, plan: Plan, judged: Evaluation) -> None: ...

    def result(self, result: Result) -> None: ...


def run(channel: Channel, data: Path, order: RunOptions, watcher: RunObserver) -> RunResult:
    """One whole run of `plan` or `push`. The report says how it ended; only ChannelBusy and what comes before
    the run begins (configuration, a missing secret, the data folder, a working file that cannot be opened) are
    raised."""
    folder = Folder(data, channel.name)
    folder.make()
    with (
        restrictive_umask(),
        contextlib.closing(CentraClient(channel.systems.centra)) as centra,
        contextlib.closing(MyOgoClient(channel.systems.myogo, channel.scopes(channel.in_order(order.flows)))) as myogo,
        interruptible() as interrupted,
        channel_lock(folder, channel.name, order.verb),
    ):
        return _Run(channel, folder, order, watcher, centra, myogo, interrupted).go()


class _Run:
    def __init__(
        self,
        channel: Channel,
        folder: Folder,
        order: RunOptions,
        watcher: RunObserver,
        centra: CentraClient,
        myogo: MyOgoClient,
        interrupted: Interrupt,
    ) -> None:
        self.channel, self.folder, self.order, self.watcher = channel, folder, order, watcher
        self.flows = channel.in_order(order.flows)
        self.centra, self.myogo, self.interrupted = centra, myogo, interrupted
        now = utc_now()
        # Sorts like the time; two runs of one channel never begin at the same moment.
        run_id = f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{uuid.uuid4().hex[:1]}"
        self.report = RunResult(channel.name, run_id, order.verb, now)
        for name in self.flows:
            self.report.begin(name)
        self.steps: dict[str, float] = {}
        self.findings: dict[str, Any] = {}
        self.unasked: dict[str, frozenset[str]] = {}

    def go(self) -> RunResult:
        report = self.report
        if self.order.rebuild or is_truncated(self.folder):
            report.facts["rebuilt"] = rebuild(self.folder, report.started_at)
        with contextlib.closing(Store(self.folder)) as store:
            books = RunRecorder(self.folder, store, report)
            with self._told():
                books.open(self.order.force, list(self.order.sku))
                self._line(store, books)
            with self._told():
                retention.blank(store, self._kept_from())
                retention.forget_destinations(store, self._sent_from())
            with self._told():
                books.close(self._facts())
        # A file that has turned out to be damaged must not take the place of a good copy: history may come from it.
        if report.ended_at is not None and report.outcome != StorageError.outcome:
            with self._told():
                publish(self.folder)
        return report

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever goes wrong inside ends up in the report."""
        try:
            yield
        except CentraMyogoError as error:
            self.report.failed(error)
        except Exception as error:
            if told := storage_error_from(error, self.folder.root):
                self.report.failed(told)
                return
            log.exception("a fault of ours run=%s", self.report.run_id)
            self.report.failed(InternalError(f"{type(error).__name__}: {error}", "Please report this with the log."))

    def _line(self, store: Store, books: RunRecorder) -> None:
        plans: dict[str, Plan] = {}
        refused: list[UnsafePlan] = []
        with gc_paused():
            self._read(store)
            catalogue = ProductCatalogue(self.channel, store)
            for name in self.flows:
                judge = self._judge(name, catalogue)
                judged = judge.judged(partial(self._step, flow=name))
                with self._step("plan", name):
                    self._record(store, name, judged)
                    plans[name] = self._plan(store, name, judged)
                self.watcher.planned(self.report, name, plans[name], judged)
                refused += self._refusals(name, judge, judged, plans[name])
        self._refuse_if_unsafe(refused)
        if self.order.verb == "push":
            if any(len(plan.changes) for plan in plans.values()):
                books.planned()
            for name, plan in plans.items():
                with self._step("push", name):
                    self._push(name, plan)
        if any(self.report.counts[name] for name in ("withheld", "refused", "unknown")):
            self.report.outcome, self.report.exit_code = "attention", 3

    def _read(self, store: Store) -> None:
        """The catalogues first, then what has dates: an order is judged by what is known of its products."""
        report, channel = self.report, self.channel
        reader = Extractor(channel, store, self.centra, self.myogo, self.interrupted, self._step, self.findings)
        judges = {name: channel.judge(name) for name in self.flows}
        if of_catalogue := [name for name in self.flows if judges[name].of_catalogue]:
            sources = channel.sources(of_catalogue)
            report.facts["read"] = reader.read(sources, report.run_id, report.started_at, whole=self.order.full)
        if dated := [name for name in self.flows if not judges[name].of_catalogue]:
            since = min(judges[name].since(channel.flow_params(name), report.started_at) for name in dated)
            people = frozenset(table for name in dated for table in judges[name].people(channel.flow_params(name)))
            reader.read_since(channel.sources(dated), since, people)
        for name in dated:  # where each of them comes to is where it is looked for
            with self._step("look up", name):
                rest = [
                    key
                    for system in ("myogo", "centra")
                    for key in reader.read_unlisted(system, judges[name].unlisted(store, channel, system))
                ]
            self.unasked[name] = frozenset(rest)

    def _judge(self, name: str, catalogue: ProductCatalogue) -> Flow:
        asked = FlowContext(
            name=name,
            channel=self.channel,
            run_id=self.report.run_id,
            whole=self.report.facts.get("read", {}).get("kind") == "full",
            sku=self.order.sku,
            unasked=self.unasked.get(name, frozenset()),
        )
        judge: Flow = import_string(self.channel.flows[name].judge)(asked, catalogue)
        return judge

    def _record(self, store: Store, name: str, judged: Evaluation) -> None:
        """What is withheld, since when, and how many rows each rule of the flow concerns."""
        report, told = self.report, judged.withheld
        report.flows[name].update(judged.counts)
        if judged.expectations:
            report.facts["expectations"] = judged.expectations
        narrowed = bool(self.order.sku)
        since = update_issues(store, name, report.run_id, report.started_at, told, judged.records, narrowed=narrowed)
        store.append("sync.withheld", told.assign(run_id=report.run_id, flow=name, since=since))
        store.replace_flow(f"out_{self.channel.flows[name].target_system}.warnings", name, judged.warned)
        counted = pd.concat([told["rule"], judged.warned["rule"]]).value_counts()
        rules = [rule for rule in RULES.values() if rule.flow == name]
        counts = {
            "run_id": report.run_id,
            "flow": name,
            "rule": [rule.id for rule in rules],
            "withholds": [rule.withholds for rule in rules],
            "rows": [int(counted.get(rule.id, 0)) for rule in rules],
        }
        store.append("sync.rule_counts", pd.DataFrame(counts))

    def _plan(self, store: Store, name: str, judged: Evaluation) -> Plan:
        report = self.report
        plan = diff(judged.desired, judged.live, import_string(self.channel.flows[name].contract))
        report.flows[name] |= {
            "create": plan.count("create"),
            "update": plan.count("update"),
            "unchanged": plan.unchanged,
            "not_attempted": len(plan.changes) if report.verb == "push" else 0,
        }
        report.fingerprints[name] = plan.fingerprint
        if fault := report.count_mismatch(name):
            raise InternalError(f"The counts do not add up: {fault}.", "Please report this; nothing was written.")
        store.append("sync.changes", plan.changes.assign(run_id=report.run_id, flow=name))
        return plan

    def _refusals(self, name: str, judge: Flow, judged: Evaluation, plan: Plan) -> Iterator[UnsafePlan]:
        said = judge.violations(plan, judged)
        self.report.facts.setdefault("limits", []).extend(violation.words for violation in said)
        stopped = batch_checks.stopping(judged.expectations, self.order.force) if judged.expectations else []
        if never := judge.forbidden(plan):
            yield never
        if (said or stopped) and not self.order.force:
            yield refusal(said, stopped, name, self.channel.path)

    def _refuse_if_unsafe(self, refused: list[UnsafePlan]) -> None:
        """Nothing at all is written where the plan of one flow is refused, or is not the one that was reviewed."""
        expect, found = self.order.expect, self.report.fingerprint
        if expect is not None and expect != found:
            raise UnsafePlan(
                f"The plan is {found}, not the reviewed {expect}: something changed on either side.",
                "Nothing was written. Review the new plan and push it with its own fingerprint.",
            )
        if refused:
            fixes = dict.fromkeys(one.fix for one in refused)
            raise UnsafePlan(" ".join(one.message for one in refused), " ".join(fixes))

    def _push(self, name: str, plan: Plan) -> None:
        report, flow, began = self.report, self.channel.flows[name], utc_now()
        to_centra = flow.target_system == "centra"
        client, other = (self.centra, self.myogo) if to_centra else (self.myogo, self.centra)
        target = import_string(flow.target)(client, self.channel.flow_params(name), other)
        applied: set[str] = set()

        def hear(result: Result) -> None:
            if result.outcome == "applied":
                applied.add(result.change.key)
            self.watcher.result(result)

        with Journal(self.folder.journal, report.run_id, name) as journal:
            in_flight = client.config.max_in_flight
            pushed = push(plan, target, journal, in_flight, hear, self.interrupted.event)
            self.interrupted.written |= bool(pushed.counts["applied"] + pushed.counts["unknown"])
            report.flows[name].update(pushed.counts)
            report.facts["told"] = report.facts.get("told", 0) + len(pushed.told)
            if pushed.stopped is not None:
                raise pushed.stopped
            if applied and isinstance(target, BatchTarget):
                written = plan.changes[plan.changes["key"].isin(applied)]
                report.facts["read_back"] = read_back(target, written, began, journal)

    def _kept_from(self) -> str | None:
        """From when on orders may keep what they say of a person, as Centra writes times; None where none may."""
        if "orders" not in self.channel.flows:
            return None
        days = self.channel.flow_params("orders").personal_days
        if not days:
            return None
        return self.centra.moment(self.report.started_at - timedelta(days=days))

    def _sent_from(self) -> str:
        """The least id of a run whose orders may still be open and compared with what they were."""
        days = self.channel.flow_params("orders").look_back_days if "orders" in self.channel.flows else 0
        return f"{self.report.started_at - timedelta(days=days):%Y%m%dT%H%M%S}"

    def _facts(self) -> dict[str, Any]:
        return {
            "findings": self.findings,
            "seconds": {name: round(seconds, 3) for name, seconds in self.steps.items()},
            "health": {
                "centra": self.centra.session.health.facts(),
                "myogo": self.myogo.session.health.facts(),
            },
        }

    @contextlib.contextmanager
    def _step(self, name: str, flow: str = "") -> Iterator[None]:
        self.interrupted.check()
        if flow != self.flows[0] and flow:
            name = f"{flow}: {name}"
        self.watcher.step(name)
        begun = time.monotonic()
        try:
            yield
        finally:
            release_free_memory()
            self.steps[name] = self.steps.get(name, 0.0) + time.monotonic() - begun
            log.info("step=%r seconds=%.3f run=%s", name, self.steps[name], self.report.run_id)
