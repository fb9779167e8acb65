"""`make audit`: are there known vulnerabilities in what requirements.lock names?

Exit 1 if there are. Exit 0 if there are none, and also if no advisory service could be reached, which the output says
clearly: a machine without a network must be able to go on, and that must not look like a clean result.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TOOL = "pip-audit>=2.10,<3"
SERVICES = ("pypi", "osv")  # both know the same advisories; one of them may not answer
WITHIN_S = 600


def main(environment: Path, lock: Path) -> int:
    """Installs the tool into a separate environment, queries the services, and prints the result."""
    if not (tool := _installed(environment)):
        print("NOTHING WAS AUDITED: pip-audit could not be installed here (no network, or no such package).")
        return 0
    answers = [answer for service in SERVICES if (answer := _query(tool, service, lock)) is not None]
    best = max(answers, key=lambda answer: len(_audited(answer)), default=[])
    return _report(best, lock)


def _installed(environment: Path) -> Path | None:
    tool = environment / "bin" / "pip-audit"
    if tool.exists():
        return tool
    python = environment / "bin" / "python"
    steps = (
        [sys.executable, "-m", "venv", str(environment)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", TOOL],
    )
    for step in steps:
        if subprocess.run(step, check=False, timeout=WITHIN_S).returncode:
            return None
    return tool


def _query(tool: Path, service: str, lock: Path) -> list[dict[str, Any]] | None:
    """The service's answer about each package of the lock; None if it does not answer."""
    command = [str(tool), "--requirement", str(lock), "--require-hashes", "--disable-pip", "--vulnerability-service"]
    command += [service, "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)
        answer = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError, TypeError):
        return None
    return list(answer)


def _audited(answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # The tool calls it "no known vulnerabilities" when it found none of the packages at all.
    return [one for one in answer if "vulns" in one]


def _report(answer: list[dict[str, Any]], lock: Path) -> int:
    known = _audited(answer)
    if not known:
        print(f"NOTHING WAS AUDITED: no advisory service answered about {lock.name}.")
        return 0
    bad = [one for one in known if one["vulns"]]
    for one in bad:
        for flaw in one["vulns"]:
            names = " ".join([flaw["id"], *flaw.get("aliases", [])])
            fixed = ", ".join(flaw.get("fix_versions", [])) or "no version yet"
            print(f"{one['name']} {one['version']}: {names}; fixed in {fixed}")
    if missing := sorted(one["name"] for one in answer if "vulns" not in one):
        print(f"NOT AUDITED, because the service does not know them ({len(missing)}): {', '.join(missing)}")
    print(f"{len(known)} packages were audited, {len(bad)} of them with a known vulnerability.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(ROOT / ".venv-audit", ROOT / "requirements.lock"))
