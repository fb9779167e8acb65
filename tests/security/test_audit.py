"""`make audit` never reports success if no service answered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import LONG_S

ROOT = Path(__file__).parents[2]
CLEAN = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found"}
VULNERABLE = {
    "name": "c", "version": "2",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["3"], "description": "bad"}],
}  # fmt: skip
CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "clean": ({"pypi": [CLEAN]}, 0, "1 packages were audited, 0 of them"),
    "a vulnerability": ({"pypi": [CLEAN, VULNERABLE]}, 1, "c 2: PYSEC-2026-1 CVE-2026-1; fixed in 3"),
    "only the second service answers": ({"osv": [VULNERABLE]}, 1, "c 2: PYSEC-2026-1"),
    "the first service knows none of the packages": ({"pypi": [SKIPPED], "osv": [CLEAN]}, 0, "1 packages were audited"),
    "some packages are unknown": (
        {"pypi": [CLEAN, SKIPPED]},
        0,
        "NOT AUDITED, because the service does not know them (1): b",
    ),
    "all packages are unknown": ({"pypi": [SKIPPED], "osv": [SKIPPED]}, 0, "NOTHING WAS AUDITED"),
    "no network": ({}, 0, "NOTHING WAS AUDITED"),
}


def _audit(environment: Path, lock: Path) -> subprocess.CompletedProcess[str]:
    script = "import runpy, sys; from pathlib import Path; "
    script += f"m = runpy.run_path({str(ROOT / '.ci' / 'audit.py')!r}); sys.exit(m['main'](*map(Path, sys.argv[1:])))"
    command = [sys.executable, "-c", script, str(environment), str(lock)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONG_S, check=False)


@pytest.mark.parametrize("case", CASES)
def test_the_audit_reports_vulnerabilities_and_packages_that_were_not_audited(case: str, tmp_path: Path) -> None:
    """With a stand-in for pip-audit that behaves like it: an unreachable service ends it with an error."""
    answers, code, message = CASES[case]
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
    finished = _audit(tmp_path / "venv", ROOT / "requirements.lock")
    assert finished.returncode == code, finished.stderr
    assert message in finished.stdout


def test_the_audit_reports_that_its_tool_cannot_be_installed(tmp_path: Path) -> None:
    """As on a machine without a network; here the virtual environment cannot be created."""
    (tmp_path / "file").write_text("in the way")
    finished = _audit(tmp_path / "file" / "venv", ROOT / "requirements.lock")
    assert finished.returncode == 0
    assert "NOTHING WAS AUDITED: pip-audit could not be installed" in finished.stdout


def test_the_audit_reads_the_lock_file_that_setup_installs() -> None:
    """All three files name it."""
    assert "requirements.lock" in (ROOT / ".ci" / "audit.py").read_text("utf-8")
    assert "--require-hashes -r requirements.lock" in (ROOT / "Makefile").read_text("utf-8")
    assert ".venv-audit/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
