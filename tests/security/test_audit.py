"""`make audit` never says that all is well when nobody was asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLEAN = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found"}
FLAWED = {
    "name": "c", "version": "2",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["3"], "description": "bad"}],
}  # fmt: skip
SAID: dict[str, tuple[dict[str, Any], int, str]] = {
    "clean": ({"pypi": [CLEAN]}, 0, "1 packages were audited, 0 of them"),
    "a flaw": ({"pypi": [CLEAN, FLAWED]}, 1, "c 2: PYSEC-2026-1 CVE-2026-1; mended in 3"),
    "only the second service answers": ({"osv": [FLAWED]}, 1, "c 2: PYSEC-2026-1"),
    "the first knows none of them": ({"pypi": [SKIPPED], "osv": [CLEAN]}, 0, "1 packages were audited"),
    "some are not known": ({"pypi": [CLEAN, SKIPPED]}, 0, "NOT AUDITED, because the service does not know them (1): b"),
    "none is known": ({"pypi": [SKIPPED], "osv": [SKIPPED]}, 0, "NOTHING WAS AUDITED"),
    "no network": ({}, 0, "NOTHING WAS AUDITED"),
}


def _audit(environment: Path, lock: Path) -> subprocess.CompletedProcess[str]:
    script = "import runpy, sys; from pathlib import Path; "
    script += f"m = runpy.run_path({str(ROOT / '.ci' / 'audit.py')!r}); sys.exit(m['main'](*map(Path, sys.argv[1:])))"
    command = [sys.executable, "-c", script, str(environment), str(lock)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("case", SAID)
def test_what_was_found_is_told_and_what_was_not_asked_too(case: str, tmp_path: Path) -> None:
    """With a stand-in for the tool that answers as it was seen to: a service that is not there ends in a traceback."""
    answers, code, told = SAID[case]
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    tool = tmp_path / "venv" / "bin" / "pip-audit"
    tool.parent.mkdir(parents=True)
    tool.write_text(
        f"#!{sys.executable}\n"
        "import json, sys, pathlib\n"
        "answers = json.loads((pathlib.Path(__file__).parents[2] / 'answers.json').read_text())\n"
        "found = answers.get(sys.argv[sys.argv.index('--vulnerability-service') + 1])\n"
        "if found is None:\n    sys.exit('ConnectionError: no such host')\n"
        "print(json.dumps({'dependencies': found, 'fixes': []}))\n"
        "sys.exit(any(one.get('vulns') for one in found))\n"
    )
    tool.chmod(0o755)
    done = _audit(tmp_path / "venv", ROOT / "requirements.lock")
    assert done.returncode == code, done.stderr
    assert told in done.stdout


def test_where_the_tool_cannot_be_had_it_says_so(tmp_path: Path) -> None:
    """As on a machine without a network: the environment cannot be made at all here."""
    (tmp_path / "file").write_text("in the way")
    done = _audit(tmp_path / "file" / "venv", ROOT / "requirements.lock")
    assert done.returncode == 0
    assert "NOTHING WAS AUDITED: pip-audit could not be installed" in done.stdout


def test_every_package_of_the_lock_is_in_question() -> None:
    """The audit reads the file that `make setup` installs from."""
    assert "requirements.lock" in (ROOT / ".ci" / "audit.py").read_text("utf-8")
    assert "--require-hashes -r requirements.lock" in (ROOT / "Makefile").read_text("utf-8")
    assert ".venv-audit/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
