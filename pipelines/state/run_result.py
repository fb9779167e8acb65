"""The result of one run; text, JSON and HTML are views of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.core.errors import CentraMyogoError
from pipelines.state.store import COUNTS

HEADLINES = {
    "ok": "Done. Nothing to fix.",
    "attention": "Done, but some rows need fixing.",
    "refused": "A safety limit refused the plan; nothing was written.",
    "config": "Configuration or credentials are wrong.",
    "no_match": "No code matches the selection; nothing was written.",
    "credentials": "A system rejected the credentials.",
    "storage": "The working files cannot be used.",
    "unavailable": "A system was not available; safe to run again.",
    "contract": "A system sent unexpected data; safe to run again.",
    "interrupted": "Stopped on request; safe to run again.",
    "busy": "Another run of this channel is under way.",
    "internal_error": "Internal error (a bug in this program); please report it.",
    "killed": "The run was killed.",
}


@dataclass
class RunResult:
    """The result of a run. It is filled during the run, so that a run that stops early has a result too."""

    channel: str
    run_id: str
    verb: str
    started_at: datetime
    outcome: str = "ok"
    exit_code: int = 0
    message: str = ""
    fix: str = ""
    error_id: str = ""
    flows: dict[str, dict[str, int]] = field(default_factory=dict)  # counts by flow, in the order in which they run
    fingerprints: dict[str, str] = field(default_factory=dict)
    evaluated_in: dict[str, str] = field(default_factory=dict)  # by flow, the run whose evaluation holds
    inputs: dict[str, str] = field(default_factory=dict)  # by flow, a digest of what that evaluation depended on
    facts: dict[str, Any] = field(default_factory=dict)
    ended_at: datetime | None = None
    narrowed: bool = False  # to some codes: the result says nothing about the others

    def begin(self, flow: str) -> None:
        """Starts the counts of a flow at zero."""
        self.flows[flow] = dict.fromkeys(COUNTS, 0)

    @property
    def counts(self) -> dict[str, int]:
        """The sums over all flows."""
        return {name: sum(counts[name] for counts in self.flows.values()) for name in COUNTS}

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the only plan, or of all plans together; "" until every flow has a plan."""
        if not self.flows or self.fingerprints.keys() != self.flows.keys():
            return ""
        if len(self.fingerprints) == 1:
            return next(iter(self.fingerprints.values()))
        plans = " ".join(f"{flow}={fingerprint}" for flow, fingerprint in self.fingerprints.items())
        return hashlib.sha256(plans.encode()).hexdigest()[:16]

    @property
    def headline(self) -> str:
        """How the run ended, with the numbers of rows that need a look."""
        done = "Planned" if self.verb == "plan" else "Done"
        text = HEADLINES[self.outcome].replace("Done", done, 1)
        if self.narrowed and self.outcome == "ok":
            text = f"{text.removesuffix('.')} among the selected codes."
        if self.outcome not in ("ok", "attention") or not (rows := _to_look_at(self.counts)):
            return text
        return f"{done}. {rows}." if self.outcome == "ok" else f"{text.removesuffix('.')}: {rows}."

    def failed(self, error: CentraMyogoError) -> None:
        """Ends the run with `error`; the message keeps an earlier error too."""
        before = f" Before that: {self.message}" if self.error_id not in ("", error.entry.id) else ""
        self.outcome, self.exit_code = error.outcome, error.exit_code
        self.message, self.fix, self.error_id = error.message + before, error.fix, error.entry.id

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        document: dict[str, Any] = {
            "channel": self.channel,
            "run_id": self.run_id,
            "verb": self.verb,
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "fingerprint": self.fingerprint,
            "flows": {flow: dict(counts) for flow, counts in self.flows.items()},
        }
        if self.message:
            document["error"] = {"id": self.error_id, "message": self.message, "fix": self.fix}
        return document

    def count_mismatch(self, flow: str) -> str:
        """The sum that does not hold, in words; "" if every row of the flow is counted once."""
        c = self.flows[flow]
        counted = c["skipped"] + c["withheld"] + c["create"] + c["update"] + c["unchanged"]
        if c["read"] != counted:
            return (
                f"{flow}: read {c['read']} is not skipped {c['skipped']} + withheld {c['withheld']} + create "
                f"{c['create']} + update {c['update']} + unchanged {c['unchanged']} = {counted}"
            )
        done = c["applied"] + c["refused"] + c["unknown"] + c["not_attempted"]
        if self.verb == "push" and c["create"] + c["update"] != done:
            return (
                f"{flow}: create {c['create']} + update {c['update']} is not applied {c['applied']} + refused "
                f"{c['refused']} + unknown {c['unknown']} + not_attempted {c['not_attempted']} = {done}"
            )
        return ""


def _to_look_at(counts: Mapping[str, int]) -> str:
    """The rows that were not synchronised, in words; "" for none."""
    withheld = f"{counts['withheld']:,} withheld, {counts['withheld_new']:,} new" if counts["withheld"] else ""
    others = [f"{counts[name]:,} {name}" for name in ("refused", "unknown") if counts[name]]
    return ", ".join(filter(None, [withheld, *others]))
