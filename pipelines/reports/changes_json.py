"""The planned changes and withheld rows of a run, for `--json --changes`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from pipelines.config.channel import Channel
from pipelines.core.json_codec import decode_exact
from pipelines.state.run_result import RunResult
from pipelines.state.store import Folder, published

CHANGES = """
    select c.flow, c.action, c.key, c.source_id, c.before::varchar, c.after::varchar, j.outcome, j.message
    from sync.changes c left join sync.journal j using (run_id, flow, key, action)
    where c.run_id = ? order by c.flow, c.action, c.key"""
WITHHELD = """
    select flow, key, source_id, code, rule, field, value, message, fix, since
    from sync.withheld where run_id = ? order by flow, code, source_id, rule"""


def changes_of(channel: Channel, data: Path, report: RunResult) -> dict[str, Any]:
    """`changes` and `withheld`; empty lists for a run that did not get that far. Raises ConfigError."""
    with contextlib.closing(published(Folder(data, channel.name))) as db:
        changes = db.execute(CHANGES, [report.run_id]).fetchall()
        withheld = db.execute(WITHHELD, [report.run_id]).fetchall()
    return {
        "changes": [
            {
                "flow": flow, "action": action, "key": key, "source_id": source_id,
                "before": decode_exact(before.encode()), "after": decode_exact(after.encode()),
                "outcome": outcome, "message": message,
            }
            for flow, action, key, source_id, before, after, outcome, message in changes
        ],
        "withheld": [
            {
                "flow": flow, "key": key, "source_id": source_id, "code": code, "rule": rule, "field": field,
                "value": value, "message": message, "fix": fix, "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            }
            for flow, key, source_id, code, rule, field, value, message, fix, since in withheld
        ],
    }  # fmt: skip
