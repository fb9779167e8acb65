"""Both systems into the stage: everything, or what changed merged into the last full read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from pipelines import delta, holes, quality
from pipelines.channel import Channel, Flow, resolve
from pipelines.clients.centra import CentraClient
from pipelines.clients.myogo import MyOgoClient
from pipelines.interrupt import Interrupt
from pipelines.refresh import OVERLAP, Refresh, decide, note
from pipelines.stage import stage
from pipelines.store import Store

Step = Callable[[str], AbstractContextManager[None]]


class Reader:
    """Reads for one run. `findings` are filled by system as it goes on, also where the reading ends half way."""

    def __init__(
        self,
        channel: Channel,
        flow: Flow,
        store: Store,
        centra: CentraClient,
        myogo: MyOgoClient,
        interrupted: Interrupt,
        step: Step,
        findings: dict[str, Any],
    ) -> None:
        self.channel, self.flow, self.store = channel, flow, store
        self.centra, self.myogo = centra, myogo
        self.interrupted, self.step, self.findings = interrupted, step, findings

    def read(self, run_id: str, now: datetime, *, whole: bool) -> dict[str, Any]:
        """Fills the stage; what kind of reading it was, for the report.

        Changes that cannot be merged beyond doubt are given up for a full read in the same run.
        """
        delta.forget(self.store)
        refresh = decide(self.store, self.channel, self.flow, now, whole=whole)
        rows: dict[str, int] = {}
        if refresh.since is not None:
            try:
                doubt = self._changes(refresh.since)
                rows = delta.counted(self.store)
            finally:
                delta.forget(self.store)
            if doubt:
                refresh = Refresh(None, doubt)
        note(self.store, run_id, refresh, self.channel, self.flow, now)
        if refresh.since is None:
            self._everything()
            return {"kind": refresh.kind, "why": refresh.why}
        return {"kind": refresh.kind, "since": f"{refresh.since:%Y-%m-%d %H:%M:%S}", "rows": rows}

    def _everything(self) -> None:
        with self.step("read Centra"):
            self._stage("centra", "centra", resolve(self.flow.extract), self.centra)
            self.findings["centra"] |= holes.fill(self.store, self.centra, self.interrupted.at_once)
        with self.step("read myOGO"):
            quality.get_ready()
            self._stage("myogo", "myogo", resolve(MYOGO), self.myogo)

    def _changes(self, since: datetime) -> str:
        """Reads and merges; or why that must not be, and nothing is merged."""
        with self.step("read Centra"):
            self._stage("centra", "centra_changes", resolve(self.flow.extract), self.centra, since)
        with self.step("read myOGO"):
            quality.get_ready()
            self._stage("myogo", "myogo_changes", resolve(MYOGO), self.myogo, since)
        if doubt := delta.doubt(self.store, since + OVERLAP):
            return doubt
        known = holes.only_in_stock(self.store)
        delta.merge(self.store)
        self.findings["centra"] |= holes.fill(self.store, self.centra, self.interrupted.at_once, known)
        return ""

    def _stage(self, system: str, name: str, source: Any, client: Any, *since: datetime) -> None:
        from pipelines.sources.columns import Findings

        findings = Findings()
        try:
            reading = self.interrupted.at_once
            folder, connection = self.store.folder.dlt, self.store.connection
            stage(lambda: source(client, findings, *since), name, folder, connection, reading)
        finally:
            self.findings[system] = findings.facts()


MYOGO = "pipelines.sources.myogo:myogo"
