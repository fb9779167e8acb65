"""The one report of a run; text, JSON and HTML are views of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.errors import CentraMyogoError
from pipelines.store import COUNTS

HEADLINES = {
    "ok": "Done; nothing left to tell.",
    "attention": "Done, but some rows need a person.",
    "refused": "A safety limit refused the plan; nothing was written.",
    "config": "Configuration or credentials are wrong.",
    "credentials": "A system turned our credentials down.",
    "storage": "The working files cannot be used as they are.",
    "unavailable": "A system was not available; safe to run again.",
    "contract": "A system broke its contract; safe to run again.",
    "interrupted": "Stopped when asked to; safe to run again.",
    "busy": "Another run of this channel is under way.",
    "fault": "A fault of ours; please report it.",
    "killed": "The run ended without a word.",
}


@dataclass
class RunReport:
    """What a run knows of itself; filled as it goes on, so that a run that stops half way still reports."""

    channel: str
    run_id: str
    verb: str
    started_at: datetime
    outcome: str = "ok"
    exit_code: int = 0
    message: str = ""
    fix: str = ""
    error_id: str = ""
    fingerprint: str = ""
    flow: str = "products"
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    facts: dict[str, Any] = field(default_factory=dict)
    ended_at: datetime | None = None

    @property
    def headline(self) -> str:
        return HEADLINES[self.outcome]

    def failed(self, error: CentraMyogoError) -> None:
        """The run ends by `error`; if another ended it before, that one is told too."""
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
            "flows": {self.flow: dict(self.counts)},
        }
        if self.message:
            document["error"] = {"id": self.error_id, "message": self.message, "fix": self.fix}
        return document

    def identity_fault(self) -> str:
        """What does not add up, in words; "" where every row is counted once."""
        c = self.counts
        there = c["skipped"] + c["withheld"] + c["create"] + c["update"] + c["unchanged"]
        if c["read"] != there:
            return (
                f"read {c['read']} is not skipped {c['skipped']} + withheld {c['withheld']} + create {c['create']} "
                f"+ update {c['update']} + unchanged {c['unchanged']} = {there}"
            )
        done = c["applied"] + c["refused"] + c["unknown"] + c["not_attempted"]
        if self.verb == "push" and c["create"] + c["update"] != done:
            return (
                f"create {c['create']} + update {c['update']} is not applied {c['applied']} + refused "
                f"{c['refused']} + unknown {c['unknown']} + not_attempted {c['not_attempted']} = {done}"
            )
        return ""
