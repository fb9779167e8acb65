"""The wheel in an environment with nothing else than its locked dependencies, used from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-runtime.lock"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed console script."""
    folder = tmp_path_factory.mktemp("install")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=False, capture_output=True, text=True)
    if "No matching distribution" in locked.stderr or "Could not find a version" in locked.stderr:
        pytest.skip("no package registry can be reached")
    assert locked.returncode == 0, locked.stderr
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, capture_output=True)
    return folder / "env" / "bin" / "centra-myogo"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder from which the program is used."""
    return tmp_path_factory.mktemp("home")


def test_the_installed_wheel(program: Path, home: Path) -> None:
    """In one test, so that one worker installs it once."""
    _the_program_names_its_version_and_its_verbs(program, home)
    _a_mistake_is_explained_at_once(program, home)
    _the_demo_runs_from_an_empty_folder(program, home)


def used(program: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the program as a user would, without this repository on any path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CENTRA_"))}
    return subprocess.run(
        [str(program), *words], cwd=home, env=environment, capture_output=True, text=True, check=False
    )


def _the_program_names_its_version_and_its_verbs(program: Path, home: Path) -> None:
    assert used(program, home, "--version").stdout == "centra-myogo 0.1.0\n"
    printed = used(program, home, "--help").stdout
    assert [verb for verb in ("check", "plan", "push", "report", "demo", "status") if verb not in printed] == []


def _the_demo_runs_from_an_empty_folder(program: Path, home: Path) -> None:
    """And what it leaves can be used by every other verb."""
    demo = used(program, home, "demo")
    assert demo.returncode == 0, demo.stdout[-2000:] + demo.stderr[-2000:]
    assert (home / "data" / "demo" / "report.html").stat().st_size > 10_000
    assert sorted(path.name for path in home.iterdir()) == ["data"]
    channel = "data/demo/channel/demo.toml"
    runs = json.loads(used(program, home, "runs", channel, "--json").stdout)["runs"]
    assert {run["verb"] for run in runs} == {"plan", "push"}
    assert {run["exit_code"] for run in runs} <= {0, 3}
    exported = used(program, home, "export", channel, "--parquet", "tables")
    assert exported.returncode == 0, exported.stderr
    with duckdb.connect() as db:
        rows = db.sql(f"select count(*) from '{home}/tables/raw_centra.products.parquet'").fetchall()
    assert rows[0][0] > 2000
    code = duckdb.sql(f"select min(code) from '{home}/tables/out_myogo.products.parquet'").fetchall()[0][0]
    assert "applied" in used(program, home, "history", channel, code).stdout
    # The stand-ins have been stopped: the channel file is fine, but nothing answers.
    assert used(program, home, "check", channel).returncode == 5
    assert used(program, home, "plan", channel, "--json").returncode == 5


def _a_mistake_is_explained_at_once(program: Path, home: Path) -> None:
    """Without the import of anything large: a shell that waits a second for a typing error is tiresome."""
    result = used(program, home, "plan", "nope")
    assert (result.returncode, result.stdout) == (2, "")
    assert "There is no channel 'nope'" in result.stderr
    script = (
        "import sys; sys.argv[1:] = ['plan', 'nope']\ntry:\n    from pipelines.__main__ import main; main()\n"
        "finally:\n    print(sorted({'pandas', 'dlt', 'duckdb', 'great_expectations'} & sys.modules.keys()))"
    )
    python = program.parent / "python"
    finished = subprocess.run([str(python), "-c", script], cwd=home, capture_output=True, text=True, check=False)
    assert finished.stdout == "[]\n"
