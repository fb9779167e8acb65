"""Writes `docs/mutants.md` from the results of mutmut; `make mutants` calls it.

Reads mutmut's results in `mutants/` and nothing else of the project. `mutants.toml` lists the surviving mutants that
behave like the original code, by their lines and with the reason; an entry without its mutant is an error.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "mutants.md"
MIN_SCORE = 90  # percent of all mutants that must be killed
NOTICED = {"killed", "timeout", "segfault", "suspicious"}
HEAD = f"""# Mutation testing

Written by `make mutants`, which makes one small change to the code below at a time (mutmut: another operator, constant,
argument or string) and runs the unit tests of that code against each change. A change that no test notices survives.
Less than {MIN_SCORE}% killed is an error. Code outside functions (patterns, tables) is not changed.

"""


@dataclass(frozen=True)
class Mutant:
    """One change of one function, and mutmut's status of it."""

    name: str
    status: str

    @property
    def module(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def function(self) -> str:
        mangled = self.name.rpartition(".")[2].rpartition("__mutmut_")[0]
        return mangled.removeprefix("x_") if mangled.startswith("x_") else ".".join(mangled.split("ǁ")[1:])

    @property
    def killed(self) -> bool:
        return self.status in NOTICED


@dataclass(frozen=True)
class Survivor:
    module: str
    function: str
    before: str
    after: str


def mutants() -> list[Mutant]:
    """All mutants of the last run, in mutmut's order; SystemExit if there was no run or it did not finish."""
    all_mutants = [
        Mutant(*pair) for pair in re.findall(r"^\s*(\S+): (.+)$", _mutmut("results", "--all", "true"), re.MULTILINE)
    ]
    if not all_mutants or any(one.status == "not checked" for one in all_mutants):
        sys.exit("mutmut has not checked every mutant; run `make mutants`.")
    return all_mutants


def survivor(mutant: Mutant) -> Survivor:
    lines = _mutmut("show", mutant.name).splitlines()
    removed, added = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(sign * 3))
        for sign in "-+"
    )
    return Survivor(mutant.module, mutant.function, removed, added)


def page(all_mutants: list[Mutant], survived: list[Survivor], reasons: dict[Survivor, str]) -> str:
    killed, total = Counter(one.module for one in all_mutants if one.killed), Counter(one.module for one in all_mutants)
    rows = [(f"`{name}`", killed[name], total[name]) for name in sorted(total)]
    rows.append(("all", killed.total(), total.total()))
    lines = ["| Module | Mutants | Killed | Score |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {count} | {killed_count} | {killed_count / count:.1%} |" for name, killed_count, count in rows
    ]
    equivalent = [one for one in survived if one in reasons]
    sections = [
        (f"Not noticed, needs a test: {len(survived) - len(equivalent)}", [o for o in survived if o not in reasons])
    ]
    sections += [(f"Not noticed, equivalent to the original: {len(equivalent)}", equivalent)]
    for title, survivors in sections:
        lines += ["", f"## {title}", ""]
        lines += [
            f"- `{one.module}.{one.function}`: {_change(one)}{_reason(reasons.get(one))}" for one in survivors
        ] or ["None."]
    return HEAD + "\n".join(lines) + "\n"


def _change(one: Survivor) -> str:
    return f"`` {one.before} `` became `` {one.after} ``"


def _reason(reason: str | None) -> str:
    return f". {reason}" if reason else ""


def _mutmut(*arguments: str) -> str:
    finished = subprocess.run(
        [Path(sys.executable).with_name("mutmut"), *arguments], cwd=ROOT, capture_output=True, check=True
    )
    return finished.stdout.decode()


def main() -> None:
    entries = tomllib.loads((ROOT / "tests" / "support" / "mutants.toml").read_text("utf-8"))["equivalent"]
    reasons = {
        Survivor(one["module"], one["function"], one["before"], after): one["why"]
        for one in entries
        for after in one["after"]
    }
    all_mutants = mutants()
    survived = sorted(
        {survivor(one) for one in all_mutants if not one.killed}, key=lambda one: tuple(vars(one).values())
    )
    PAGE.write_text(page(all_mutants, survived, reasons), "utf-8")
    print(PAGE.read_text("utf-8"))
    if stale := [one for one in reasons if one not in survived]:
        sys.exit(f"tests/support/mutants.toml lists mutants that no longer survive: {stale}")
    if (killed := sum(one.killed for one in all_mutants)) * 100 < MIN_SCORE * len(all_mutants):
        sys.exit(f"{killed} of {len(all_mutants)} mutants were killed, less than {MIN_SCORE}%.")


if __name__ == "__main__":
    main()
