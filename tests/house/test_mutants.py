"""The page of `make mutants`, made from mutmut's results."""

from __future__ import annotations

import tomllib

from tests.support.mutants import ROOT, Mutant, Survivor, page

RESULTS = [
    Mutant("transforms.sku.x_combined_code__mutmut_1", "killed"),
    Mutant("transforms.sku.x_combined_code__mutmut_2", "no tests"),
    Mutant("pipelines.engine.plan.xǁPlanǁcount__mutmut_1", "timeout"),
    Mutant("pipelines.engine.plan.x__equal__mutmut_12", "survived"),
]


def test_a_mutant_has_its_module_function_and_status() -> None:
    assert [(one.module, one.function, one.killed) for one in RESULTS] == [
        ("transforms.sku", "combined_code", True),
        ("transforms.sku", "combined_code", False),
        ("pipelines.engine.plan", "Plan.count", True),
        ("pipelines.engine.plan", "_equal", False),
    ]


def test_the_page_counts_per_module_and_lists_the_survivors() -> None:
    """Survivors with a known reason are listed separately from those that need a test."""
    known, new = (
        Survivor("pipelines.engine.plan", "_equal", "a", "b"),
        Survivor("transforms.sku", "combined_code", "c", "d"),
    )
    text = page(RESULTS, [known, new], {known: "They are the same."})
    assert (
        "| `pipelines.engine.plan` | 2 | 1 | 50.0% |\n| `transforms.sku` | 2 | 1 | 50.0% |\n| all | 4 | 2 | 50.0% |"
        in text
    )
    assert "## Not noticed, needs a test: 1\n\n- `transforms.sku.combined_code`: `` c `` became `` d ``\n" in text
    assert (
        "equivalent to the original: 1\n\n"
        "- `pipelines.engine.plan._equal`: `` a `` became `` b ``. They are the same.\n" in text
    )
    assert page(RESULTS, [], {}).count("None.") == 2


def test_every_reason_refers_to_existing_code() -> None:
    for one in tomllib.loads((ROOT / "tests" / "support" / "mutants.toml").read_text("utf-8"))["equivalent"]:
        code = (ROOT / f"{one['module'].replace('.', '/')}.py").read_text("utf-8")
        assert one["before"] in " ".join(code.split()), one
        assert one["before"] not in one["after"]
        assert one["why"]
