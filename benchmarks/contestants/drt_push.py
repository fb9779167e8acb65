"""drt-core from DuckDB to a REST API: one POST per row, one after the other, without a look-up first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.contestants.floor_read import token

PROJECT = "name: bench\nversion: '0.1'\nprofile: bench\n"
PROFILE = "bench:\n  type: duckdb\n  database: {folder}/warehouse.duckdb\n"
SYNC = """\
name: push
description: products to myOGO
model: ref('products')
destination:
  type: rest_api
  url: {url}/api/v1/Products
  method: POST
  headers: {{Content-Type: application/json, Authorization: "Bearer {token}"}}
  body_template: "{{{{ row.body }}}}"
sync:
  mode: full
  batch_size: 1000
  rate_limit: {{requests_per_second: 10000}}
  on_error: skip
"""


def work(job: dict[str, Any]) -> dict[str, Any]:
    folder = Path(job["folder"])
    bodies = Path(job["bodies"]).read_text("utf-8").splitlines()
    with duckdb.connect(str(folder / "warehouse.duckdb")) as db:
        db.execute("create table products (body varchar)")
        db.executemany("insert into products values (?)", [[body] for body in bodies])
    (folder / ".drt").mkdir()
    (folder / "syncs").mkdir()
    (folder / "drt_project.yml").write_text(PROJECT)
    (folder / ".drt" / "profiles.yml").write_text(PROFILE.format(folder=folder))
    (folder / "syncs" / "push.yml").write_text(SYNC.format(url=job["myogo_url"], token=token(job)))
    started = time.perf_counter()
    finished = subprocess.run(
        [str(Path(sys.executable).with_name("drt")), "run", "--output", "json"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "DRT_TELEMETRY": "0", "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - started
    answer = json.loads(finished.stdout)
    return {"applied": answer["syncs"][0]["rows_synced"], "requests": len(bodies), "step_s": seconds}
