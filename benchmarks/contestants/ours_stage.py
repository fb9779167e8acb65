"""This project's staging of the Centra side, as a run does it: contract, drift, repeated rows, full replacement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.contestants.ours_plan import channel_of
from pipelines.core.process_memory import gc_paused
from pipelines.core.signals import interruptible
from pipelines.state.staging import stage
from pipelines.state.store import Folder, Store
from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.source import centra


def work(job: dict[str, Any]) -> dict[str, int]:
    channel, findings = channel_of(job), Findings()
    folder = Folder(Path(job["folder"]), channel.name)
    folder.make()
    store, client = Store(folder, channel.database_schema), CentraClient(channel.systems["centra"])
    try:
        with interruptible() as interrupted, gc_paused():
            stage(
                lambda: centra(client, findings),
                "centra",
                folder.dlt,
                store.connection,
                interrupted.raising_immediately,
            )
        count = "select count(*) from raw_centra."
        return {
            name: store.connection.execute(f"{count}{name}").fetchone()[0] for name in ("products", "prices", "stock")
        }
    finally:
        client.close()
        store.close()
