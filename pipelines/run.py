"""The straight line of a run; the only place that knows the order of the steps."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from pipelines import quality
from pipelines.books import Books
from pipelines.channel import Channel, Flow, resolve
from pipelines.clients.centra import CentraClient
from pipelines.clients.myogo import MyOgoClient
from pipelines.collector import give_back, no_collection
from pipelines.errors import CentraMyogoError, ConfigError, OurFault, StorageError, UnsafePlan
from pipelines.interrupt import Interrupt, interruptible
from pipelines.journal import Journal
from pipelines.limits import Evidence, last_read, refusal, violations
from pipelines.lock import channel_lock
from pipelines.memory import remember
from pipelines.plan import Plan, diff
from pipelines.push import Result, push
from pipelines.reading import Reader
from pipelines.rebuild import is_stillborn, rebuild
from pipelines.report import RunReport
from pipelines.rights import private
from pipelines.storage import trouble
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
    rebuild: bool = False
    full: bool = False


class Watcher(Protocol):
    """Whoever shows the run while it happens."""

    def step(self, name: str) -> None: ...

    def planned(self, report: RunReport, plan: Plan, withheld: pd.DataFrame, warnings: pd.DataFrame) -> None: ...

    def result(self, result: Result) -> None: ...


def run(channel: Channel, data: Path, order: Order, watcher: Watcher) -> RunReport:
    """One whole run of `plan` or `push`. The report says how it ended; only ChannelBusy and what comes before
    the run begins (configuration, a missing secret, the data folder, a working file that cannot be opened) are
    raised."""
    folder = Folder(data, channel.name)
    folder.make()
    with (
        private(),
        contextlib.closing(CentraClient(channel.systems.centra)) as centra,
        contextlib.closing(MyOgoClient(channel.systems.myogo)) as myogo,
        interruptible() as interrupted,
        channel_lock(folder, channel.name, order.verb),
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
        if self.order.rebuild or is_stillborn(self.folder):
            report.facts["rebuilt"] = rebuild(self.folder, report.started_at)
        with contextlib.closing(Store(self.folder)) as store:
            books = Books(self.folder, store, report)
            with self._told():
                books.open(FLOW, self.order.force, list(self.order.sku))
                self._line(store, books)
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
            if told := trouble(error, self.folder.root):
                self.report.failed(told)
                return
            log.exception("a fault of ours run=%s", self.report.run_id)
            self.report.failed(OurFault(f"{type(error).__name__}: {error}", "Please report this with the log."))

    def _line(self, store: Store, books: Books) -> None:
        with no_collection():
            reader = Reader(
                self.channel, self.flow, store, self.centra, self.myogo, self.interrupted, self._step, self.findings
            )
            read = reader.read(self.report.run_id, self.report.started_at, whole=self.order.full)
            self.report.facts["read"] = read
            with self._step("transform"):
                products, live = self._transform(store)
            with self._step("validate"):
                desired, held, warned, seen = self._judge(store, products, live)
                amounts = self._amounts(products)
                del products
            with self._step("expect"):
                self._expect(store, amounts)
            with self._step("plan"):
                plan = self._plan(store, desired, live)
        self.watcher.planned(self.report, plan, held, warned)
        self._refuse_if_unsafe(plan, seen)
        if self.order.verb == "push":
            if len(plan.changes):
                books.planned()
            with self._step("push"):
                self._push(store, plan)
        if held.empty is False or self.report.counts["refused"] or self.report.counts["unknown"]:
            self.report.outcome, self.report.exit_code = "attention", 3

    def _transform(self, store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
        from transforms.live import live_products
        from transforms.products import by_number

        transform, params = resolve(self.flow.transform), self.params
        columns = [*(field.column for field in PRODUCTS), "extra"]
        made = [
            transform(sizes, self._prices(store, sizes["stock_item_id"], "order by stock_item_id, position"), params)
            for sizes in store.frames("raw_centra.products", columns)
        ]
        products = by_number(pd.concat(made, ignore_index=True))
        live = live_products(store.frame("raw_myogo.products", [*self.contract.columns, "stock"]))
        self.report.counts["read"] = len(products)
        return products, live

    def _prices(self, store: Store, sizes: pd.Series, order: str = "") -> pd.DataFrame:
        """All that the price lists say of these sizes."""
        columns = ["stock_item_id", "position", *(field.column for field in PRICES), "extra"]
        with store.keys(sizes) as wanted:
            return store.frame("raw_centra.prices", columns, f"where stock_item_id in (from {wanted}) {order}")

    @property
    def params(self) -> Any:
        return self.channel.flow_params(FLOW)

    def _judge(
        self, store: Store, products: pd.DataFrame, live: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Evidence]:
        """The products to have in myOGO, the lines of `withheld`, the warnings, and what the limits look at."""
        from schemas.verdict import warnings, withheld
        from transforms.select import matches

        candidates, params = self._candidates(products), self.params
        wanted = candidates & matches([products["code"]], self.order.sku or ("*",))
        prices = self._prices(store, products.loc[products["price_text"].isna(), "stock_item_id"])
        told = withheld(products, prices, live, params.currency, params.allow_zero_price, params.pricelist_id)
        seen = Evidence(
            read=len(products),
            read_before=last_read(store, FLOW),
            whole=self.report.facts["read"]["kind"] == "full",
            wanted=int(candidates.sum()),
            withheld=told[candidates.loc[told["row"]].to_numpy()],
            made=products.loc[products["code"] != "", "code"],
            held=live["code"],
        )
        told = told[wanted.loc[told["row"]].to_numpy()]
        unfit = products.index.isin(told["row"])
        kept = [*self.contract.columns, "stock_item_id", "pricelist_id"]
        desired = products.loc[wanted & ~unfit, kept].reset_index(drop=True)
        warned = warnings(products, wanted, live, self.params.pricelist_id)
        counts = self.report.counts
        counts["skipped"] = int((~wanted).sum())
        counts["withheld"] = int(told["row"].nunique())
        counts["drifted"] = int(
            warned["stock_item_id"].isin(desired["stock_item_id"])[warned["rule"] == "EAN-004"].sum()
        )
        counts["unmatched"] = int(warned["rule"].isin(["TGT-002", "TGT-003"]).sum())
        self._record_verdict(store, told.drop(columns="row").reset_index(drop=True), warned, desired, products, wanted)
        return desired, told, warned, seen

    def _candidates(self, products: pd.DataFrame) -> pd.Series:
        from transforms.products import selected

        select = self.flow.select
        wanted = selected(products, select.include, select.exclude)
        if not self.params.include_inactive:
            wanted &= products["active"]
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
        store.replace("out_myogo.products", desired)

    def _amounts(self, products: pd.DataFrame) -> pd.DataFrame:
        """One row per size that the channel wants: its `price`, null where it is unusable."""
        usable = products["price_text"].where(products["sales_price"].notna())
        return usable[self._candidates(products)].to_frame("price")

    def _expect(self, store: Store, amounts: pd.DataFrame) -> None:
        batch = quality.Batch(self.report.run_id, FLOW, utc_now(), self.order.sku, amounts)
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

    def _refuse_if_unsafe(self, plan: Plan, seen: Evidence) -> None:
        expect = self.order.expect
        if expect is not None and expect != plan.fingerprint:
            raise UnsafePlan(
                f"The plan is {plan.fingerprint}, not the reviewed {expect}: something changed on either side.",
                "Nothing was written. Review the new plan and push it with its own fingerprint.",
            )
        said = violations(self.flow.limits, plan, seen)
        self.report.facts["limits"] = [violation.words for violation in said]
        stopped = quality.stopping(self.report.facts["expectations"], self.order.force)
        if (said or stopped) and not self.order.force:
            raise refusal(said, stopped, FLOW, self.channel.path)

    def _push(self, store: Store, plan: Plan) -> None:
        report = self.report
        target = resolve(self.flow.target)(self.myogo)
        in_flight = self.channel.systems.myogo.max_in_flight
        with Journal(self.folder.journal, report.run_id, FLOW) as journal:
            pushed = push(plan.changes, target, journal, in_flight, self.watcher.result, self.interrupted.event)
        report.counts.update(pushed.counts)
        report.facts["told"] = len(pushed.told)
        if pushed.stopped is not None:
            raise pushed.stopped

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
    def _step(self, name: str) -> Iterator[None]:
        self.interrupted.check()
        self.watcher.step(name)
        begun = time.monotonic()
        try:
            yield
        finally:
            give_back()
            self.steps[name] = self.steps.get(name, 0.0) + time.monotonic() - begun
            log.info("step=%r seconds=%.3f run=%s", name, self.steps[name], self.report.run_id)
