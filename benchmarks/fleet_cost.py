"""What a run with `[state]` costs a PostgreSQL database and an object store, compared with the same run without.

`python -m benchmarks.fleet_cost --database postgresql://...` prints lines of JSON. The database should be empty and of
nobody else: the figures are differences of its counters.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from benchmarks.race import Contestant, Runs, cpu_seconds, once, shop

SIZES = 3_000
_PLAN = Contestant("ours_plan", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True, help="address of an empty PostgreSQL database")
    parser.add_argument("--sizes", type=int, default=SIZES)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--refresh", choices=["full", "changes"], default="full")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for figures in measured(Path(name), options.database, options.sizes, options.runs, options.refresh):
            print(json.dumps(figures), flush=True)


def measured(folder: Path, database: str, sizes: int, runs: int, refresh: str) -> Iterator[dict[str, Any]]:
    """Figures of a push that creates all products, and of pushes with nothing to do, with and without `[state]`."""
    wanted = folder / "wanted.duckdb"
    with shop(folder, sizes) as job:
        once(_PLAN, job, Runs(), keep=wanted)
        project = _Project(folder / "first", job["channel"], database, refresh)
        yield project.push("creates everything", project.shared)
    with shop(folder, sizes, held=wanted) as job:
        project = _Project(folder / "again", job["channel"], database, refresh)
        for kind in (project.shared, project.alone) * 2:
            project.push("not counted: the catalogue checks are still to do", kind)
        found: dict[str, list[dict[str, Any]]] = {project.shared: [], project.alone: []}
        for _ in range(runs):
            for kind, of_kind in found.items():
                of_kind.append(project.push("nothing to do", kind))
        for of_kind in found.values():
            yield _median(of_kind)
        yield {"what": "objects"} | project.sizes()


class _Project:
    """A channel that is the same with `[state]` (`shared`) and without (`alone`)."""

    def __init__(self, folder: Path, channel: str, database: str, refresh: str) -> None:
        self.shared, self.alone = "shared", "alone"
        self._folder, self._store, self._database = folder, folder / "store", database
        self._store.mkdir(parents=True)
        (folder / "database").write_text(database)
        names = f'name = "{folder.name}"\nrefresh = "{refresh}"'
        channel = re.sub(r"(?m)^name\s*=.*$", names, channel, count=1)
        state = f'[state]\ndatabase = {{ file = "database" }}\nsnapshots = "file://{self._store}"\n'
        state += "share_rates = false\n"  # its statements are one per request, at most four a second
        for name, more in ((self.shared, state), (self.alone, "")):
            (folder / f"{name}.toml").write_text(f"{channel}\n{more}", "utf-8")

    def push(self, what: str, name: str) -> dict[str, Any]:
        data = self._folder / f"data-{name}"
        command = [sys.executable, "-m", "pipelines", "push", str(self._folder / f"{name}.toml"), "--data", str(data)]
        before, began = self._counters(), time.perf_counter()
        cpu_s = cpu_seconds(command)
        seconds = time.perf_counter() - began
        after = self._settled(before)
        return {"what": what, "state": name == self.shared, "cpu_s": round(cpu_s, 2), "seconds": round(seconds, 2)} | {
            key: after[key] - before[key] for key in after
        }

    def sizes(self) -> dict[str, Any]:
        """Bytes of a snapshot, the requests of the last run, and what the database keeps for a channel."""
        published = self._folder / "data-shared" / self._folder.name / "analytics.duckdb"
        with duckdb.connect(str(published), read_only=True) as copy:
            facts = json.loads(copy.sql("select facts from sync.runs order by started_at desc").fetchall()[0][0])
        with psycopg.connect(self._database, autocommit=True) as db:
            rows, journal = db.execute(
                "select count(*), sum(pg_column_size(j.*)) from centra_myogo_journal j where channel = %s",
                [self._folder.name],
            ).fetchall()[0]
        return {
            "snapshot_bytes": max(file.stat().st_size for file in self._store.rglob("*") if file.is_file()),
            "requests": {name: side["requests"] for name, side in facts["health"].items()},
            "journal_rows": rows,
            "journal_bytes": journal,
        }

    def _counters(self) -> dict[str, int]:
        """Transactions, rows and bytes of the write-ahead log so far. Our own look is a part of it, a small one."""
        with psycopg.connect(self._database, autocommit=True) as db:
            row = db.execute(
                "select xact_commit, tup_inserted + tup_updated + tup_deleted, pg_current_wal_lsn() - '0/0'::pg_lsn "
                "from pg_stat_database where datname = current_database()"
            ).fetchall()[0]
        return dict(zip(("transactions", "rows_written", "log_bytes"), map(int, row), strict=True))

    def _settled(self, before: dict[str, int]) -> dict[str, int]:
        """The counters, once the server has added those of the connection that has ended."""
        time.sleep(1.5)
        return self._counters()


def _median(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, str | bool) else statistics.median(one[key] for one in found)
        for key, value in found[0].items()
    }


if __name__ == "__main__":
    main()
