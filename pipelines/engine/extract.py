"""Reads the systems into the stage: everything, or what changed merged into the last full read."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
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
from pipelines.engine.incremental import OVERLAP, ReadMode, Sources, choose_read_mode, record_read
from pipelines.state.staging import clean, extract, load, stage
from pipelines.state.store import Store
from pipelines.systems.system import Client, Lookup, System

log = logging.getLogger(__name__)

MAX_LOOKUPS = 100


class Extractor:
    """Reads for one run. `findings` are filled by system while it reads, also where the reading ends half way."""

    def __init__(
        self,
        channel: Channel,
        store: Store,
        clients: Mapping[str, Client],
        interrupted: Interrupt,
        step: Step,
        findings: dict[str, Any],
    ) -> None:
        self.channel, self.store, self.clients = channel, store, clients
        self.interrupted, self.step, self.findings = interrupted, step, findings

    def read_catalogues(
        self, sources: Sources, run_id: str, now: datetime, *, full_read: bool, preload: bool
    ) -> dict[str, Any]:
        """Fills the stage with the catalogues; returns what kind of reading it was, for the report.

        Changes that cannot be merged beyond doubt are given up for a full read in the same run. `preload` imports what
        the batch checks need while the systems are being waited for.
        """
        systems = self._systems(sources)
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
        record_read(self.store, run_id, mode, self.channel, sources, now)
        if mode.since is None:
            self._read_all(sources, preload=preload)
            self._complete(systems)
            return {"kind": mode.kind, "why": mode.why}
        return {"kind": mode.kind, "since": f"{mode.since:%Y-%m-%d %H:%M:%S}", "rows": changed}

    def read_windows(self, sources: Sources, since: datetime, personal_tables: frozenset[str], rows: str) -> None:
        """Fills the stage with `rows`, which have a date, from `since` (UTC) on, with personal data in these tables
        only."""
        self._read_all(sources, since, personal_tables, found=f" {rows}")

    def look_up(self, lookup: Lookup) -> Sequence[str]:
        """Adds rows to the stage that the lists did not show, as many as can be asked for one by one; returns the keys
        of the others."""
        asked, rest = lookup.keys[:MAX_LOOKUPS], lookup.keys[MAX_LOOKUPS:]
        if rest:
            log.warning("system=%s not asked for, because they are too many: %d", lookup.system, len(rest))
        if asked:
            source = partial(import_string(lookup.reference), self.clients[lookup.system], asked)
            stage(
                source, lookup.system, self.store.folder.dlt, self.store.connection,
                self.interrupted.raising_immediately,
            )  # fmt: skip
        return rest

    def _systems(self, sources: Sources) -> list[System]:
        return [self.channel.system_declarations[name] for name in sources]

    def _read_changes(self, sources: Sources, systems: Sequence[System], since: datetime, preload: bool) -> str:
        """Reads and merges; or returns why that must not be, and nothing is merged."""
        self._read_all(sources, since, suffix="_changes", preload=preload)
        flows = self.channel.known_flows
        if why_not := merge_changes.why_not_mergeable(self.store, systems, flows, since + OVERLAP):
            return why_not
        known = {system.name: system.before_merge(self.store) for system in systems}
        merge_changes.merge(self.store, systems)
        self._complete(systems, known)
        return ""

    def _read_all(
        self, sources: Sources, *window: Any, suffix: str = "", found: str = "", preload: bool = False
    ) -> None:
        """Reads the systems at the same time; only when all have been read is any of them staged, as
        `raw_<system><suffix>`.

        Each system has its own budget of requests, and most of the time of a read is waiting for it. The first is read
        in this thread, which a signal can interrupt; the others in the background.
        """
        from pipelines.systems.arrow_columns import Findings

        folder = self.store.folder.dlt
        seen = {name: Findings() for name in sources}
        reads = {
            name: [
                partial(import_string(reference), self.clients[name], seen[name], *window) for reference in references
            ]
            for name, references in sources.items()
        }
        first, *others = reads
        clean(folder)
        try:
            with contextlib.ExitStack() as stack:
                under_way = {
                    name: stack.enter_context(
                        running_in_background(
                            partial(_extract_all, reads[name], f"{name}{suffix}", folder), self._close
                        )
                    )
                    for name in others
                }
                for other in under_way.values():
                    other.add_done_callback(self._close_if_failed)
                with self.step(f"read {self.channel.title(first)}"), self.interrupted.raising_immediately():
                    self._extract_first(partial(_extract_all, reads[first], f"{first}{suffix}", folder), under_way)
                if preload:
                    batch_checks.preload()
                for name, other in under_way.items():
                    with self.step(f"read {self.channel.title(name)}"), self.interrupted.raising_immediately():
                        other.result()
            with self.step("stage"):
                for name, references in reads.items():
                    for number in range(len(references)):
                        load(f"{name}{suffix}", folder, self.store.connection, number)
        finally:
            self.findings |= {f"{name}{found}": findings.facts() for name, findings in seen.items()}
            shutil.rmtree(folder, ignore_errors=True)

    def _extract_first(self, work: Any, others: Mapping[str, Future[None]]) -> None:
        try:
            work()
        except SourceError:
            for other in others.values():
                if other.done():
                    other.result()  # where it failed, the clients were closed for that, and that is the cause
            raise

    def _close(self) -> None:
        for client in self.clients.values():
            client.close()

    def _close_if_failed(self, other: Future[None]) -> None:
        """There is no need to read one system for a quarter of an hour when another has refused us."""
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


def _extract_all(sources: Sequence[Any], name: str, folder: Any) -> None:
    for number, source in enumerate(sources):
        extract(source, name, folder, number)
