"""`python -m tests.fleet_demo DAGSTER PROGRAM`: the folder of Dagster's programs, and the program centra-myogo.

Ends with 1 if a promise fails.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.fleet_demo.machines import MACHINES, Machines
from tests.fleet_demo.shops import SIZES, running_shops, write_channel_files
from tests.fleet_demo.story import Row, Story
from tests.support.fleet import PostgresServer, server_programs


def main() -> int:
    dagster, product = (Path(argument).absolute() for argument in sys.argv[1:])
    programs = server_programs()
    if programs is None:
        print("There is no PostgreSQL server here. Install it first: apt-get install postgresql", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))
    server = PostgresServer(programs)
    try:
        with running_shops() as shops:
            database, storage = (server.new_database().partition("&")[0] for _ in range(2))
            (folder / "snapshots").mkdir()
            for machine in MACHINES:
                write_channel_files(shops, folder / machine / "channels", database, folder / "snapshots")
            machines = Machines(folder, dagster, product, storage)
            machines.prepare()
            try:
                rows = Story(machines, shops, print_now).play()
            except AssertionError as error:
                print(f"\n{error}\n{logs(folder)}", file=sys.stderr)
                return 1
            finally:
                machines.stop()
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)
    print_now(table(rows))
    problems = [problem for row in rows for problem in row.problems]
    problems += [] if any(0 < row.at_the_kill < SIZES for row in rows) else ["no channel was in mid-push at the kill"]
    print_now(
        "\n".join(problems) or "Nothing was created twice, nothing is missing, and every write is in the history."
    )
    return 1 if problems else 0


def table(rows: list[Row]) -> str:
    """The rows under a heading, in columns."""
    head = ("channel", "home", "at the kill", *(f"runs {machine}" for machine in MACHINES), "finished by", "created",
            "twice", "missing", "history")  # fmt: skip
    cells = [
        (row.channel, row.home, str(row.at_the_kill), *(str(row.runs[machine]) for machine in MACHINES),
         row.finished_by, str(row.created), str(len(row.twice)), str(len(row.missing)), row.history)
        for row in rows
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in (head, *cells)]
    return "\n" + "\n".join(line.rstrip() for line in lines) + "\n"


def logs(folder: Path) -> str:
    """The end of each process's log."""
    return "\n".join(
        f"--- {path.stem}\n{path.read_text('utf-8', 'replace')[-3000:]}" for path in sorted(folder.glob("*.log"))
    )


def print_now(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
