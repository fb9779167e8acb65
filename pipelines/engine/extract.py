"""Both systems into the stage: everything, or what changed merged into the last full read."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import Any

from pipelines.config.channel import Channel
from pipelines.config.reference import import_string
from pipelines.core.background import running_in_background
from pipelines.core.errors import SourceError
from pipelines.core.signals import Interrupt
from pipelines.engine import batch_checks, merge_changes
from pipelines.engine.flow import Step
from pipelines.engine.incremental import OVERLAP, ReadMode, choose_read_mode, record_read
from pipelines.state.staging import clean, extract, load, stage
from pipelines.state.store import Store
from pipelines.systems.centra import list_gaps
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.myogo.client import MyOgoClient

log = logging.getLogger(__name__)

MAX_LOOKUPS = 100
Sources = dict[str, str]  # by system


class Extractor:
    """Reads for one run. `findings` are filled by system as it goes on, also where
    the reading ends half way."""

    def __init__(
        self,
        channel: Channel,
        store: Store,
        centra: CentraClient,
        myogo: MyOgoClient,
        interrupted: Interrupt,
        step: Step,
        findings: dict[str, Any],
    ) -> None:
        self.channel, self.store = channel, store
        self.centra, self.myogo = centra, myogo
        self.interrupted, self.step, self.findings = interrupted, step, findings

    def read(self, sources: Sources, run_id: str, now: datetime, *, whole: bool) -> dict[str, Any]:
        """Fills the stage with the catalogues; what kind of reading it was, for the report.

        Changes that cannot be merged beyond doubt are given up for a full read in the same run.
        """
        merge_changes.drop_change_tables(self.store)
        refresh = choose_read_mode(self.store, self.channel, sources, now, whole=whole)
        rows: dict[str, int] = {}
        if refresh.since is not None:
            try:
                doubt = self._changes(sources, refresh.since)
                rows = merge_changes.row_counts(self.store)
            finally:
                merge_changes.drop_change_tables(self.store)
            if doubt:
                refresh = ReadMode(None, doubt)
        record_read(self.store, run_id, refresh, self.channel, sources, now)
        if refresh.since is None:
            self._everything(sources)
            return {"kind": refresh.kind, "why": refresh.why}
        return {"kind": refresh.kind, "since": f"{refresh.since:%Y-%m-%d %H:%M:%S}", "rows": rows}

    def read_since(self, sources: Sources, since: datetime, people: frozenset[str]) -> None:
        """Fills the stage with what has a date, from `since` (UTC) on, and with people of the tables in `people`."""
        self._both(sources, "centra", "myogo", since, people, found=" orders")

    def read_unlisted(self, system: str, keys: Sequence[str]) -> Sequence[str]:
        """Adds to the stage what the lists of `read_since` did not show: orders of myOGO by reference, completed
        shipments of Centra by order. As many as can be asked for one by one; returns the others.
        """
        asked, rest = keys[:MAX_LOOKUPS], keys[MAX_LOOKUPS:]
        if rest:
            log.warning("system=%s not asked for, because they are too many: %d", system, len(rest))
        if not asked:
            return rest
        from pipelines.systems.centra.order_source import completed_of
        from pipelines.systems.myogo.order_source import with_references

        source: partial[Any] = {
            "centra": partial(completed_of, self.centra, asked),
            "myogo": partial(with_references, self.myogo, asked),
        }[system]
        stage(source, system, self.store.folder.dlt, self.store.connection, self.interrupted.raising_immediately)
        return rest

    def _everything(self, sources: Sources) -> None:
        self._both(sources, "centra", "myogo")
        self._fill()

    def _changes(self, sources: Sources, since: datetime) -> str:
        """Reads and merges; or why that must not be, and nothing is merged."""
        self._both(sources, "centra_changes", "myogo_changes", since)
        if doubt := merge_changes.why_not_mergeable(self.store, since + OVERLAP):
            return doubt
        # What is among the changes is asked for also if a run that died had merged it already.
        known = list_gaps.only_in_stock(self.store) - merge_changes.ids_with_stock_changes(self.store)
        merge_changes.merge(self.store)
        self._fill(known)
        return ""

    def _both(self, sources: Sources, centra: str, myogo: str, *window: Any, found: str = "") -> None:
        """Reads the two systems at the same time; only when both have been read is either staged, under these names.

        Each has its own budget of requests, and most of the time of a read is waiting for it.
        """
        from pipelines.systems.arrow_columns import Findings

        folder = self.store.folder.dlt
        seen = {"centra": Findings(), "myogo": Findings()}
        ours = partial(import_string(sources["centra"]), self.centra, seen["centra"], *window)
        theirs = partial(import_string(sources["myogo"]), self.myogo, seen["myogo"], *window)
        clean(folder)
        try:
            with running_in_background(partial(extract, theirs, myogo, folder), self._close) as other:
                other.add_done_callback(self._give_up_where_failed)
                with self.step("read Centra"), self.interrupted.raising_immediately():
                    self._first(ours, centra, other)
                with self.step("read myOGO"), self.interrupted.raising_immediately():
                    batch_checks.get_ready()
                    other.result()
            with self.step("stage"):
                for name in (centra, myogo):
                    load(name, folder, self.store.connection)
        finally:
            self.findings |= {f"{system}{found}": findings.facts() for system, findings in seen.items()}
            shutil.rmtree(folder, ignore_errors=True)

    def _first(self, source: Any, name: str, other: Future[None]) -> None:
        try:
            extract(source, name, self.store.folder.dlt)
        except SourceError:
            if other.done():
                other.result()  # where it failed, we were closed for that, and that is what to tell
            raise

    def _close(self) -> None:
        self.centra.close()
        self.myogo.close()

    def _give_up_where_failed(self, other: Future[None]) -> None:
        """Nobody need wait for a quarter of an hour of Centra where myOGO has turned us away."""
        if other.exception() is not None:
            self._close()

    def _fill(self, known: Collection[str] = ()) -> None:
        with self.step("compare Centra's lists"):
            self.findings["centra"] |= list_gaps.backfill_missing(
                self.store, self.centra, self.interrupted.raising_immediately, known
            )
