"""Records a run in sync.runs and sync.flows: its start, its plan and its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipelines.core.errors import InternalError
from pipelines.core.failpoints import hit
from pipelines.state.journal import load_into_store
from pipelines.state.links import record_written
from pipelines.state.run_result import RunResult
from pipelines.state.shared_journal import SharedJournal, load_earlier_rows, share_rows
from pipelines.state.store import COUNT_COLUMNS, COUNTS, Folder, Store, utc_now

_BROKEN_OFF = "select run_id from sync.runs where ended_at is null and outcome is null"
_KILLED = """
    select coalesce(creates + updates, 0), applied + refused + unknown_outcome, unknown_outcome from sync.runs
    where run_id = ? and verb = 'push'"""
PLANNED = COUNTS[: COUNTS.index("applied")]  # the counts that are known before the first write


class RunRecorder:
    """Records one run. `start` must be called before anything is read; it also completes a killed run.

    `linked_flows` are the flows that keep links; `shared` is the journal that several machines share, if they do.
    """

    def __init__(
        self,
        folder: Folder,
        store: Store,
        report: RunResult,
        linked_flows: Sequence[str] = (),
        shared: SharedJournal | None = None,
    ) -> None:
        self.folder, self.store, self.report, self.linked_flows = folder, store, report, linked_flows
        self.shared = shared

    def start(self, forced: bool, selection: Sequence[str], requested_by: str | None) -> None:
        if self.shared:
            load_earlier_rows(self.shared, self.store)
        self._load_journal()
        broken_off = self.store.connection.execute(_BROKEN_OFF).fetchall()
        self.store.begin_run(
            {
                "run_id": self.report.run_id,
                "channel": self.report.channel,
                "verb": self.report.verb,
                "started_at": self.report.started_at,
                "flow": ", ".join(self.report.flows),
                "forced": forced,
                "selection": [*selection],
                "requested_by": requested_by,
            }
        )
        if broken_off:
            self.report.facts["killed"] = self._killed(broken_off[-1][0])
        self._flows(())  # so that a killed run has its flows too
        share_rows(self.shared, self.store, self.report.run_id, "runs", "flows")

    def _killed(self, run_id: str) -> str:
        """What the killed run did, as a sentence."""
        for changes, done, unknown in self.store.connection.execute(_KILLED, [run_id]).fetchall():
            said = f"; {unknown:,} had no recorded outcome" if unknown else ""
            return f"The run before was killed after {done:,} of {changes:,} changes{said}."
        return "The run before was killed."

    def record_plan(self) -> None:
        """Records the plan before the first write, so that it is known even if the run is killed.

        The checkpoint writes it to the database file, so that a full disk stops the run before any write to a target.
        """
        report = self.report
        counts = {COUNT_COLUMNS[name]: report.counts[name] for name in PLANNED}
        self.store.update_run(report.run_id, {"fingerprint": report.fingerprint, **counts})
        self._flows(PLANNED)
        self.store.connection.execute("checkpoint")
        share_rows(self.shared, self.store, report.run_id, "runs", "flows", "changes")
        hit("run history: planned")

    def finish(self, facts: dict[str, Any]) -> None:
        """Completes the run's row and sets the report's `ended_at`: the file can then be published.

        `facts` are stored as JSON. Counts that do not add up are an internal error.
        """
        report = self.report
        self._load_journal()
        for flow, counts in report.flows.items():
            if (mismatch := report.count_mismatch(flow)) and report.exit_code in (0, 3, 4) and counts["read"]:
                report.failed(InternalError(f"The counts do not add up: {mismatch}.", "Please report this."))
        now = utc_now()
        report.facts |= {**facts, "fix": report.fix, "error_id": report.error_id}
        self._flows(COUNTS)
        hit("run history: before the end of the run")
        self.store.update_run(
            report.run_id,
            {
                "ended_at": now,
                "outcome": report.outcome,
                "exit_code": report.exit_code,
                "message": report.message,
                "fingerprint": report.fingerprint,
                **{COUNT_COLUMNS[name]: report.counts[name] for name in COUNTS},
                "facts": report.facts,
            },
        )
        hit("run history: after the end of the run")
        self.store.ready_to_publish()
        report.ended_at = now
        hit("run history: ready to publish")
        share_rows(self.shared, self.store, report.run_id, "runs", "flows")

    def _load_journal(self) -> None:
        load_into_store(self.folder.journal, self.store)
        for flow in self.linked_flows:
            record_written(self.store, flow)

    def _flows(self, names: tuple[str, ...]) -> None:
        """Writes the row of each flow of the run, with these counts."""
        report = self.report
        rows = [
            {
                "run_id": report.run_id,
                "flow": flow,
                "fingerprint": report.fingerprints.get(flow, ""),
                "evaluated_in": report.evaluated_in.get(flow),
                "inputs": report.inputs.get(flow),
                **{COUNT_COLUMNS[name]: counts[name] for name in names},
            }
            for flow, counts in report.flows.items()
        ]
        self.store.replace_runs("sync.flows", pd.DataFrame(rows))
