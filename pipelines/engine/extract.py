"""Reads the systems into the stage: everything, or only changes, which are merged into the last full read."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.core.background import running_in_background
from pipelines.core.errors import SourceError
from pipelines.core.reference import import_string
from pipelines.core.signals import Interrupt
from pipelines.engine import batch_checks, merge_changes, missed_changes
from pipelines.engine.flow import Step
from pipelines.engine.incremental import (
    OVERLAP,
    ReadMode,
    Sources,
    changes_to_expect_since,
    choose_read_mode,
    doubted_systems,
    record_read,
)
from pipelines.state.staging import Extracted, clean, extract, load, stage
from pipelines.state.store import Store
from pipelines.systems.system import Client, Lookup, System

if TYPE_CHECKING:
    from pipelines.config.channel import Channel
    from pipelines.systems.http.session import RequestStats

log = logging.getLogger(__name__)

MAX_LOOKUPS = 100
# Shows the progress of a read: rows that have come, by system, and how many to expect.
Reading = Callable[[Mapping[str, Callable[[], int]], Mapping[str, int]], AbstractContextManager[None]]


class Extractor:
    """Reads the systems for one run. Fills `findings` by system, even if a read fails half way."""

    def __init__(
        self,
        channel: Channel,
        store: Store,
        clients: Mapping[str, Client],
        interrupted: Interrupt,
        step: Step,
        findings: dict[str, Any],
        reading: Reading,
    ) -> None:
        self.channel, self.store, self.clients = channel, store, clients
        self.interrupted, self.step, self.findings, self.reading = interrupted, step, findings, reading

    def read_catalogues(
        self, sources: Sources, run_id: str, now: datetime, *, full_read: bool, preload: bool
    ) -> dict[str, Any]:
        """Fills the stage with the catalogues. Returns for the report what kind of read it was.

        If the changes cannot be merged safely, the same run does a full read instead. `preload` imports what the batch
        checks need while the systems are read.
        """
        systems = self._mirrored(sources)
        merge_changes.drop_change_tables(self.store, systems)
        mode = choose_read_mode(self.store, self.channel, sources, now, full_read=full_read)
        changed: dict[str, int] = {}
        if mode.since is not None:
            try:
                why_not = self._read_changes(sources, systems, mode.since, preload)
                changed = merge_changes.row_counts(self.store, systems)
            finally:
                merge_changes.drop_change_tables(self.store, systems)
            if why_not:
                mode = ReadMode(None, why_not)
        if mode.since is None:
            return self._read_full(sources, systems, run_id, mode, now, preload)
        record_read(self.store, run_id, mode, self.channel, sources, now)
        return {"kind": mode.kind, "since": f"{mode.since:%Y-%m-%d %H:%M:%S}", "rows": changed}

    def _read_full(
        self, sources: Sources, systems: Sequence[System], run_id: str, mode: ReadMode, now: datetime, preload: bool
    ) -> dict[str, Any]:
        since = changes_to_expect_since(self.store, self.channel, sources, now)
        dated = [system for system in systems if since is not None and system.changes_depend_on]
        doubted = doubted_systems(self.store, self.channel, sources)
        missed_changes.remember_rows(self.store, dated)
        record_read(self.store, run_id, mode, self.channel, sources, now)
        self._read_all(sources, preload=preload)
        self._complete(systems)
        for system in dated:
            if changed := missed_changes.changed_rows(self.store, system):
                doubted.pop(system.name, None)
                if not self._lists_some(system, since):
                    doubted[system.name] = changed
        return {"kind": mode.kind, "why": mode.why} | ({"doubted": doubted} if since or doubted else {})

    def _lists_some(self, system: System, since: datetime | None) -> bool:
        """Whether the system's list of changes shows any of the rows that this full read found changed."""
        label = " changes"
        try:
            self._read_all({system.name: [system.catalogue]}, since, suffix="_changes", label=label)
            return missed_changes.listed_rows(self.store, system) > 0
        finally:
            merge_changes.drop_change_tables(self.store, [system])
            self.findings.pop(f"{system.name}{label}", None)

    def read_windows(self, sources: Sources, since: datetime, personal_tables: frozenset[str], rows: str) -> None:
        """Fills the stage with the rows dated from `since` (UTC) on; only `personal_tables` get personal data. `rows`
        names the rows in the findings."""
        self._read_all(sources, since, personal_tables, label=f" {rows}")

    def look_up(self, lookup: Lookup) -> Sequence[str]:
        """Reads the rows of `lookup` one by one into the stage, MAX_LOOKUPS at most. Returns the keys of the others."""
        keys, rest = lookup.keys[:MAX_LOOKUPS], lookup.keys[MAX_LOOKUPS:]
        if rest:
            log.warning("system=%s keys not looked up, because they are too many: %d", lookup.system, len(rest))
        if keys:
            source = partial(import_string(lookup.reference), self.clients[lookup.system], keys)
            stage(
                source, lookup.system, self.store.folder.dlt, self.store.connection,
                self.interrupted.raising_immediately,
            )  # fmt: skip
        return rest

    def _mirrored(self, sources: Sources) -> list[System]:
        """The systems whose own catalogue source is read, which fills the tables that they declare."""
        systems = self.channel.system_declarations
        return [systems[name] for name, references in sources.items() if systems[name].catalogue in references]

    def _read_changes(self, sources: Sources, systems: Sequence[System], since: datetime, preload: bool) -> str:
        """Reads the changes and merges them. If they must not be merged, returns the reason; else ""."""
        self._read_all(sources, since, suffix="_changes", preload=preload)
        flows = self.channel.known_flows
        if why_not := merge_changes.why_not_mergeable(self.store, systems, flows, since + OVERLAP):
            return why_not
        known = {system.name: system.before_merge(self.store) for system in systems}
        merge_changes.merge(self.store, systems)
        self._complete(systems, known)
        return ""

    def _read_all(
        self, sources: Sources, *window: Any, suffix: str = "", label: str = "", preload: bool = False
    ) -> None:
        """Reads the systems at the same time. Stages them as `raw_<system><suffix>` once all reads have succeeded.

        Each system has its own request budget, and a read mostly waits for it. The first system is read in this thread,
        which a signal can interrupt; the others are read in background threads.
        """
        from pipelines.systems.arrow_columns import Findings

        folder = self.store.folder.dlt
        findings = {name: Findings() for name in sources}
        reads = {
            name: [
                partial(import_string(reference), self.clients[name], findings[name], *window)
                for reference in references
            ]
            for name, references in sources.items()
        }
        first, *others = reads
        clean(folder)
        rows = {name: partial(_rows_read, self.clients[name].stats, self.clients[name].stats.rows) for name in sources}
        totals = {} if window else self._rows_before(sources)
        try:
            with self.reading(rows, totals), contextlib.ExitStack() as stack:
                background: dict[str, Future[list[Extracted]]] = {
                    name: stack.enter_context(
                        running_in_background(
                            partial(_extract_all, reads[name], f"{name}{suffix}", folder), self._close
                        )
                    )
                    for name in others
                }
                for other in background.values():
                    other.add_done_callback(self._close_if_failed)
                with self.step(f"read {self.channel.title(first)}"), self.interrupted.raising_immediately():
                    extracted = {
                        first: self._extract_first(
                            partial(_extract_all, reads[first], f"{first}{suffix}", folder), background
                        )
                    }
                if preload:
                    batch_checks.preload()
                for name, other in background.items():
                    with self.step(f"read {self.channel.title(name)}"), self.interrupted.raising_immediately():
                        extracted[name] = other.result()
            with self.step("stage"):
                for name, parts in extracted.items():
                    if suffix and not any(part.rows for part in parts):  # dlt takes 0.1 CPU seconds to load nothing
                        merge_changes.create_empty_tables(self.store, self.channel.system_declarations[name])
                        continue
                    for part in parts:
                        load(part, f"{name}{suffix}", folder, self.store.connection)
        finally:
            self.findings |= {f"{name}{label}": found.facts() for name, found in findings.items()}
            shutil.rmtree(folder, ignore_errors=True)

    def _rows_before(self, sources: Sources) -> dict[str, int]:
        """How many rows each system's catalogue had when it was last staged; only systems that have been staged."""
        counts = {}
        for system in self._mirrored(sources):
            tables = [f"raw_{system.name}.{table.name}" for table in system.mirror if not table.part_of]
            query = " + ".join(f"(select count(*) from {table})" for table in tables)
            with contextlib.suppress(duckdb.CatalogException):
                counts[system.name] = int(self.store.connection.execute(f"select {query}").fetchall()[0][0])
        return counts

    def _extract_first(
        self, work: Callable[[], list[Extracted]], others: Mapping[str, Future[list[Extracted]]]
    ) -> list[Extracted]:
        try:
            return work()
        except SourceError:
            for other in others.values():
                if other.done():
                    other.result()  # raises the cause, if a failure of this read closed the clients
            raise

    def _close(self) -> None:
        for client in self.clients.values():
            client.close()

    def _close_if_failed(self, other: Future[list[Extracted]]) -> None:
        """Closes all clients after a failed read; otherwise the other reads could go on for a quarter of an hour."""
        if other.exception() is not None:
            self._close()

    def _complete(self, systems: Sequence[System], known: Mapping[str, Collection[str]] | None = None) -> None:
        for system in systems:
            if system.compares_lists:
                with self.step(f"compare {system.title}'s lists"):
                    self.findings[system.name] |= system.complete(
                        self.store,
                        self.clients[system.name],
                        self.interrupted.raising_immediately,
                        (known or {}).get(system.name, ()),
                    )


def _rows_read(stats: RequestStats, before: int) -> int:
    return stats.rows - before


def _extract_all(sources: Sequence[Any], name: str, folder: Path) -> list[Extracted]:
    return [extract(source, name, folder, number) for number, source in enumerate(sources)]
