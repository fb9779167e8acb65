"""The straight line of a run; the only place that knows the order of the steps."""

from __future__ import annotations

import contextlib
import fnmatch
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from pipelines import holes, quality
from pipelines.channel import Channel, Flow, resolve
from pipelines.clients.centra import CentraClient
from pipelines.clients.myogo import MyOgoClient
from pipelines.errors import CentraMyogoError, ConfigError, OurFault, UnsafePlan
from pipelines.interrupt import Interrupt, interruptible
from pipelines.journal import Journal, fold
from pipelines.limits import violations
from pipelines.lock import channel_lock
from pipelines.memory import remember
from pipelines.plan import Plan, diff
from pipelines.push import Result, push
from pipelines.report import RunReport
from pipelines.stage import stage
from pipelines.store import Folder, Store, publish, utc_now
from schemas.centra import PRICES, PRODUCTS
from schemas.myogo import Contract
from schemas.rules import RULES

log = logging.getLogger(__name__)

FLOW = "products"


@dataclass(frozen=True)
class Order:
    """What was asked for on the command line."""

    verb: str
    sku: tuple[str, ...] = ()
    expect: str | None = None
    force: bool = False


class Watcher(Protocol):
    """Whoever shows the run while it happens."""

    def step(self, name: str) -> None: ...

    def planned(self, report: RunReport, plan: Plan, withheld: pd.DataFrame, warnings: pd.DataFrame) -> None: ...

    def result(self, result: Result) -> None: ...


def run(channel: Channel, data: Path, order: Order, watcher: Watcher) -> RunReport:
    """One whole run of `plan` or `push`. The report says how it ended; only ChannelBusy and what comes before
    the run begins (configuration, a missing secret, the data folder) are raised."""
    folder = Folder(data, channel.name)
    folder.make()
    with (
        contextlib.closing(CentraClient(channel.systems.centra)) as centra,
        contextlib.closing(MyOgoClient(channel.systems.myogo)) as myogo,
        channel_lock(folder, channel.name, order.verb),
        interruptible() as interrupted,
    ):
        return _Run(channel, folder, order, watcher, centra, myogo, interrupted).go()


class _Run:
    def __init__(
        self,
        channel: Channel,
        folder: Folder,
        order: Order,
        watcher: Watcher,
        centra: CentraClient,
        myogo: MyOgoClient,
        interrupted: Interrupt,
    ) -> None:
        self.channel, self.folder, self.order, self.watcher = channel, folder, order, watcher
        if FLOW not in channel.flows:
            raise ConfigError(
                f"{channel.path} has no flow {FLOW!r}.", f"Add [flows.{FLOW}.params]; it is the one that runs."
            )
        self.flow: Flow = channel.flows[FLOW]
        self.contract: Contract = resolve(self.flow.contract)
        self.centra, self.myogo, self.interrupted = centra, myogo, interrupted
        now = utc_now()
        run_id = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
        self.report = RunReport(channel.name, run_id, order.verb, now)
        self.steps: dict[str, float] = {}
        self.findings: dict[str, Any] = {}

    def go(self) -> RunReport:
        report = self.report
        store = Store(self.folder)
        try:
            fold(self.folder.journal, store)
            store.begin_run(
                {
                    "run_id": report.run_id,
                    "channel": report.channel,
                    "verb": report.verb,
                    "started_at": report.started_at,
                    "flow": FLOW,
                    "forced": self.order.force,
                    "selection": list(self.order.sku),
                }
            )
            try:
                self._line(store)
            except CentraMyogoError as error:
                self._failed(error)
            except Exception as error:
                log.exception("a fault of ours run=%s", report.run_id)
                self._failed(OurFault(f"{type(error).__name__}: {error}", "Please report this with the log."))
            self._close_the_books(store)
        finally:
            store.close()
        publish(self.folder)
        return report

    def _line(self, store: Store) -> None:
        with self._step("read Centra"):
            self._stage(store, "centra", resolve(self.flow.extract), self.centra)
            self.findings["centra"] |= holes.fill(store, self.centra)
        with self._step("read myOGO"):
            self._stage(store, "myogo", resolve("pipelines.sources.myogo:myogo"), self.myogo)
        with self._step("transform"):
            products, prices, live = self._transform(store)
        with self._step("validate"):
            desired, held, warned = self._judge(store, products, prices, live)
        with self._step("expect"):
            self._expect(store, products)
        with self._step("plan"):
            plan = self._plan(store, desired, live)
        self.watcher.planned(self.report, plan, held, warned)
        self._refuse_if_unsafe(plan)
        if self.order.verb == "push":
            with self._step("push"):
                self._push(store, plan)
        if held.empty is False or self.report.counts["refused"] or self.report.counts["unknown"]:
            self.report.outcome, self.report.exit_code = "attention", 3

    def _stage(self, store: Store, name: str, source: Any, client: Any) -> None:
        from pipelines.sources.columns import Findings

        findings = Findings()
        try:
            stage(lambda: source(client, findings), name, self.folder.dlt, store.connection)
        finally:
            self.findings[name] = {
                "unknown_fields": dict(sorted(findings.unknown.items())),
                "repeated_rows": findings.repeated,
                "mended_cells": findings.mended,
            }

    def _transform(self, store: Store) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        from transforms.live import live_products

        sizes = store.frame("raw_centra.products", [field.column for field in PRODUCTS])
        prices = store.frame("raw_centra.prices", ["stock_item_id", "position", *(f.column for f in PRICES)])
        live = live_products(store.frame("raw_myogo.products", [*self.contract.columns, "stock"]))
        sizes = sizes.sort_values("stock_item_id", key=_natural, ignore_index=True)
        products = resolve(self.flow.transform)(sizes, prices, self.params)
        self.report.counts["read"] = len(products)
        return products, prices, live

    @property
    def params(self) -> Any:
        return self.channel.flow_params(FLOW)

    def _judge(
        self, store: Store, products: pd.DataFrame, prices: pd.DataFrame, live: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """The products to have in myOGO, the lines of `withheld`, and the warnings."""
        from schemas.verdict import warnings, withheld

        wanted = self._wanted(products)
        params = self.params
        told = withheld(products, prices, live, params.currency, params.allow_zero_price, params.pricelist_id)
        told = told[wanted.loc[told["row"]].to_numpy()]
        unfit = products.index.isin(told["row"])
        desired = products[wanted & ~unfit].reset_index(drop=True)
        warned = warnings(products, wanted, live, self.params.pricelist_id)
        counts = self.report.counts
        counts["skipped"] = int((~wanted).sum())
        counts["withheld"] = int(told["row"].nunique())
        counts["drifted"] = int(
            warned["stock_item_id"].isin(desired["stock_item_id"])[warned["rule"] == "EAN-004"].sum()
        )
        counts["unmatched"] = int(warned["rule"].isin(["TGT-002", "TGT-003"]).sum())
        self._record_verdict(store, told.drop(columns="row").reset_index(drop=True), warned, desired, products, wanted)
        return desired, told, warned

    def _candidates(self, products: pd.DataFrame) -> pd.Series:
        from transforms.products import selected

        select = self.flow.select
        wanted = selected(products, select.include, select.exclude)
        if not self.params.include_inactive:
            wanted &= products["active"]
        return wanted

    def _wanted(self, products: pd.DataFrame) -> pd.Series:
        wanted = self._candidates(products)
        if self.order.sku:
            codes = products["code"]
            chosen = {code for pattern in self.order.sku for code in fnmatch.filter(codes, pattern)}
            wanted &= codes.isin(chosen)
        return wanted

    def _record_verdict(
        self,
        store: Store,
        told: pd.DataFrame,
        warned: pd.DataFrame,
        desired: pd.DataFrame,
        products: pd.DataFrame,
        wanted: pd.Series,
    ) -> None:
        report = self.report
        sizes = products[["stock_item_id"]].assign(wanted=wanted)
        since = remember(store, FLOW, report.run_id, report.started_at, told, sizes, narrowed=bool(self.order.sku))
        store.append("sync.withheld", told.assign(run_id=report.run_id, flow=FLOW, since=since))
        counted = pd.concat([told["rule"], warned["rule"]]).value_counts()
        store.append(
            "sync.rule_counts",
            pd.DataFrame(
                {
                    "run_id": report.run_id,
                    "flow": FLOW,
                    "rule": list(RULES),
                    "withholds": [rule.withholds for rule in RULES.values()],
                    "rows": [int(counted.get(rule, 0)) for rule in RULES],
                }
            ),
        )
        store.replace("out_myogo.warnings", warned)
        kept = [*self.contract.columns, "stock_item_id", "pricelist_id"]
        store.replace("out_myogo.products", desired[kept])

    def _expect(self, store: Store, products: pd.DataFrame) -> None:
        usable = products["price_text"].where(products["sales_price"].notna())
        candidates = usable[self._candidates(products)].to_frame("price")
        batch = quality.Batch(self.report.run_id, FLOW, utc_now(), self.order.sku, candidates)
        rows = quality.judged(store, batch, self.flow.expectations.stop)
        store.append("sync.expectations", rows)
        self.report.facts["expectations"] = quality.summary(rows)

    def _plan(self, store: Store, desired: pd.DataFrame, live: pd.DataFrame) -> Plan:
        report = self.report
        plan = diff(desired, live, self.contract)
        report.fingerprint = plan.fingerprint
        report.counts["create"] = plan.count("create")
        report.counts["update"] = plan.count("update")
        report.counts["unchanged"] = plan.unchanged
        if report.verb == "push":
            report.counts["not_attempted"] = len(plan.changes)
        if fault := report.identity_fault():
            raise OurFault(f"The counts do not add up: {fault}.", "Please report this; nothing was written.")
        store.append("sync.changes", plan.changes.assign(run_id=report.run_id, flow=FLOW))
        return plan

    def _refuse_if_unsafe(self, plan: Plan) -> None:
        expect = self.order.expect
        if expect is not None and expect != plan.fingerprint:
            raise UnsafePlan(
                f"The plan is {plan.fingerprint}, not the reviewed {expect}: something changed on either side.",
                "Nothing was written. Review the new plan and push it with its own fingerprint.",
            )
        said = violations(self.flow.limits, plan, self.report.counts["read"])
        self.report.facts["limits"] = said
        stopped = quality.stopping(self.report.facts["expectations"], self.order.force)
        if (said or stopped) and not self.order.force:
            who = " and ".join(name for name, words in (("limits", said), ("expectations", stopped)) if words)
            raise UnsafePlan(
                f"The {who} refuse this plan: {'; '.join([*said, *stopped])}.",
                "Nothing was written. If the plan is right, push with --force, or narrow it with --sku, or set "
                f"[flows.{FLOW}.{who.split()[-1]}] in {self.channel.path} to what is normal for this shop.",
            )

    def _push(self, store: Store, plan: Plan) -> None:
        report = self.report
        target = resolve(self.flow.target)(self.myogo)
        in_flight = self.channel.systems.myogo.max_in_flight
        with Journal(self.folder.journal, report.run_id, FLOW) as journal, self.interrupted.in_order() as stop:
            pushed = push(plan.changes, target, journal, in_flight, self.watcher.result, stop)
        report.counts.update(pushed.counts)
        report.facts["told"] = len(pushed.told)
        if pushed.stopped is not None:
            raise pushed.stopped

    def _failed(self, error: CentraMyogoError) -> None:
        report = self.report
        report.outcome, report.exit_code = error.outcome, error.exit_code
        report.message, report.fix, report.error_id = error.message, error.fix, error.entry.id

    def _close_the_books(self, store: Store) -> None:
        report = self.report
        fold(self.folder.journal, store)
        if (fault := report.identity_fault()) and report.exit_code in (0, 3, 4) and report.counts["read"]:
            self._failed(OurFault(f"The counts do not add up: {fault}.", "Please report this."))
        report.ended_at = utc_now()
        report.facts |= {
            "findings": self.findings,
            "seconds": {name: round(seconds, 3) for name, seconds in self.steps.items()},
            "health": {
                "centra": self.centra.session.health.facts(),
                "myogo": self.myogo.session.health.facts(),
            },
            "fix": report.fix,
            "error_id": report.error_id,
        }
        store.end_run(
            report.run_id,
            {
                "ended_at": report.ended_at,
                "outcome": report.outcome,
                "exit_code": report.exit_code,
                "message": report.message,
                "fingerprint": report.fingerprint,
                **report.counts,
                "facts": report.facts,
            },
        )
        store.ready_to_publish()

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.interrupted.check()
        self.watcher.step(name)
        begun = time.monotonic()
        try:
            yield
        finally:
            self.steps[name] = time.monotonic() - begun
            log.info("step=%r seconds=%.3f run=%s", name, self.steps[name], self.report.run_id)


def _natural(ids: pd.Series) -> pd.Series:
    """Numeric ids in the order of their numbers, others after them in the order of their letters."""
    return ids.str.len().astype("str").str.zfill(3) + ids
