"""Runs in Dagster's environment: pushes a channel with a program that ends with each exit code, and prints what Dagster
recorded, as JSON. `python dagster_exit_codes.py FOLDER`, with FOLDER empty."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

FLOWS = {
    "products": {"withheld": 2, "withheld_new": 1, "refused": 0, "unknown": 0, "applied": 5},
    "stock": {"withheld": 0, "withheld_new": 0, "refused": 0, "unknown": 0, "applied": 1},
}
CHANNEL = """
name = "my-shop"
schedule = "every 15 min"

[systems.centra]
base_url = "https://shop.test/api"
timezone = "Europe/Stockholm"

[systems.myogo]
merchant_id = { env = "MERCHANT" }

[flows.products]

[flows.stock]
schedule = "every 45 min"
"""
PROGRAM = """#!/bin/sh
echo "$@" >> {folder}/calls
cat {folder}/answer
exit $(cat {folder}/code)
"""


def prepare(folder: Path) -> None:
    import duckdb

    (folder / "channels").mkdir()
    (folder / "channels" / "my-shop.toml").write_text(CHANNEL)
    (folder / "channels" / "broken.toml").write_text("name = ")
    program = folder / "program"
    program.write_text(PROGRAM.format(folder=folder))
    program.chmod(0o755)
    (folder / "data" / "my-shop").mkdir(parents=True)
    with duckdb.connect(str(folder / "data" / "my-shop" / "analytics.duckdb")) as db:
        db.execute("create schema sync")
        db.execute("create table sync.rule_counts as select 'r1' run_id, 'products' flow, 'EAN-001' rule, "
                   "true withholds, 2::bigint row_count")  # fmt: skip
        db.execute("create table sync.expectations as select 'r1' run_id, 'products' flow, 'GX-1' expectation, "
                   "'failed' status, 'too few' message")  # fmt: skip
        db.execute("create table sync.runs (run_id text, verb text, flow text, started_at timestamp, outcome text, "
                   "exit_code int, requested_by text)")  # fmt: skip
    os.environ |= {
        "CENTRA_MYOGO_PROJECT": str(folder), "CENTRA_MYOGO_PROGRAM": str(program), "CENTRA_MYOGO_MACHINE": "a",
        "CENTRA_MYOGO_RETRY_S": "0.01", "DAGSTER_HOME": str(folder),
    }  # fmt: skip


def add_run(folder: Path, run_id: str, requested_by: str | None) -> None:
    import duckdb

    with duckdb.connect(str(folder / "data" / "my-shop" / "analytics.duckdb")) as db:
        db.execute(
            "insert into sync.runs select ?, 'push', 'products, stock', now(), 'ok', 0, ?", [run_id, requested_by]
        )


def result_of(folder: Path, defs: Any, job: str, code: int, instance: Any) -> dict[str, Any]:
    """What the instance has after a run of the job whose program ends with this code."""
    document = {"run_id": "r1", "fingerprint": "f", "exit_code": code, "flows": FLOWS}
    if code not in (0, 3):
        document = {
            "run_id": "",
            "exit_code": code,
            "flows": {},
            "error": {"id": "X-1", "message": f"m{code}", "fix": "f"},
        }
    (folder / "answer").write_text(json.dumps(document))
    (folder / "code").write_text(str(code))
    (folder / "calls").unlink(missing_ok=True)
    done = defs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
    checks = [
        (evaluation.asset_key.path[-1], evaluation.check_name, evaluation.passed)
        for event in done.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
        for evaluation in [event.event_specific_data]
    ]
    failures = [event.event_specific_data for event in done.all_events if event.event_type_value == "STEP_FAILURE"]
    texts = [f"{one.user_failure_data.description if one.user_failure_data else ''} {one.error}" for one in failures]
    return {
        "success": done.success,
        "materialized": sorted(
            event.asset_key.path[-1] for event in done.all_events if event.event_type_value == "ASSET_MATERIALIZATION"
        ),
        "checks": sorted(checks),
        "calls": (folder / "calls").read_text().splitlines(),
        "last_failure": texts[-1] if texts else "",
    }


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    prepare(folder)
    import dagster as dg
    from centra_myogo_dagster.definitions import build
    from centra_myogo_dagster.settings import settings_of

    home = build(settings_of())
    os.environ["CENTRA_MYOGO_MACHINES"] = "a b"
    os.environ["CENTRA_MYOGO_MACHINE"] = next(
        name for name in "ab" if not list(build(settings_of(os.environ | {"CENTRA_MYOGO_MACHINE": name})).assets or [])
    )
    other = build(settings_of())
    with dg.instance_for_test() as instance:
        found: dict[str, Any] = {
            f"{where} {code}": result_of(folder, defs, job, code, instance)
            for where, defs, job, codes in (
                ("home", home, "channel_my_shop", (0, 1, 2, 3, 4, 5, 6)),
                ("other", other, "stand_in_for_channel_my_shop", (0, 3, 5, 6)),
            )
            for code in codes
        }
        found["schedules"] = {
            one.name: [one.cron_schedule, one.execution_timezone]
            for one in home.resolve_all_job_defs() and home.schedules
        }
        sensor = next(iter(home.sensors))
        add_run(folder, "old", None)
        first = sensor(dg.build_sensor_context(instance=instance))
        add_run(folder, "page", "anna")
        add_run(folder, "ours", "Dagster run 1a2b3c4d")
        second = sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor))
        found["observations"] = [
            [event.asset_key.path[-1], event.metadata["run_id"].value, event.metadata["requested_by"].value]
            for event in [*first.asset_events, *second.asset_events]
        ]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
