"""Which changes of our own code the tests notice: `make mutants` runs mutmut and writes `docs/mutants.md` with this.

Needs mutmut's results in `mutants/`, and nothing else of the project. A mutant that survives because it does what
the code does is told in `mutants.toml`, by its lines and with the reason; a reason without its mutant is an error.
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
LOWEST = 90  # percent of all mutants
FOUND = {"killed", "timeout", "segfault", "suspicious"}
HEAD = f"""# Mutation testing

Written by `make mutants`, which changes the code below in one small way at a time (mutmut: another operator, constant,
argument or string) and runs the unit tests of that code against each change. A change that no test notices survives.
Less than {LOWEST}% killed is an error. Code outside functions (patterns, tables) is not changed.

"""


@dataclass(frozen=True)
class Mutant:
    """One change: the function it is in, the lines it takes away and puts there, and what became of it."""

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
        return self.status in FOUND


@dataclass(frozen=True)
class Survivor:
    module: str
    function: str
    before: str
    after: str


def mutants() -> list[Mutant]:
    """All of the last run, in mutmut's order; SystemExit where there was none or it did not come to its end."""
    found = [
        Mutant(*pair) for pair in re.findall(r"^\s*(\S+): (.+)$", _mutmut("results", "--all", "true"), re.MULTILINE)
    ]
    if not found or any(one.status == "not checked" for one in found):
        sys.exit("mutmut has not looked at every mutant; run `make mutants`.")
    return found


def survivor(mutant: Mutant) -> Survivor:
    lines = _mutmut("show", mutant.name).splitlines()
    removed, added = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(sign * 3))
        for sign in "-+"
    )
    return Survivor(mutant.module, mutant.function, removed, added)


def page(all_of_them: list[Mutant], survived: list[Survivor], reasons: dict[Survivor, str]) -> str:
    killed, total = Counter(one.module for one in all_of_them if one.killed), Counter(one.module for one in all_of_them)
    rows = [(f"`{name}`", killed[name], total[name]) for name in sorted(total)]
    rows.append(("all", killed.total(), total.total()))
    lines = ["| Module | Mutants | Killed | Score |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {whole} | {part} | {part / whole:.1%} |" for name, part, whole in rows]
    equal = [one for one in survived if one in reasons]
    told = [(f"Not noticed, and worth a test: {len(survived) - len(equal)}", [o for o in survived if o not in reasons])]
    told += [(f"Not noticed, because it makes no difference: {len(equal)}", equal)]
    for title, some in told:
        lines += ["", f"## {title}", ""]
        lines += [f"- `{one.module}.{one.function}`: {_change(one)}{_why(reasons.get(one))}" for one in some] or [
            "None."
        ]
    return HEAD + "\n".join(lines) + "\n"


def _change(one: Survivor) -> str:
    return f"`` {one.before} `` became `` {one.after} ``"


def _why(reason: str | None) -> str:
    return f". {reason}" if reason else ""


def _mutmut(*words: str) -> str:
    done = subprocess.run([Path(sys.executable).with_name("mutmut"), *words], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode()


def main() -> None:
    told = tomllib.loads((ROOT / "tests" / "support" / "mutants.toml").read_text("utf-8"))["equivalent"]
    reasons = {
        Survivor(one["module"], one["function"], one["before"], after): one["why"]
        for one in told
        for after in one["after"]
    }
    found = mutants()
    survived = sorted({survivor(one) for one in found if not one.killed}, key=lambda one: tuple(vars(one).values()))
    PAGE.write_text(page(found, survived, reasons), "utf-8")
    print(PAGE.read_text("utf-8"))
    if stale := [one for one in reasons if one not in survived]:
        sys.exit(f"tests/support/mutants.toml tells of mutants that no longer survive: {stale}")
    if (killed := sum(one.killed for one in found)) * 100 < LOWEST * len(found):
        sys.exit(f"{killed} of {len(found)} mutants were killed, less than {LOWEST}%.")


if __name__ == "__main__":
    main()
