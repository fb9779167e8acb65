"""Each safety limit at, below and above its value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from pipelines.core.errors import UnsafePlan
from pipelines.engine.plan import CHANGE_COLUMNS, Plan
from pipelines.engine.safety_limits import Violation, change_violations, last_read, refusal
from pipelines.flows.products import ProductLimits, ProductMetrics, violations
from pipelines.state.store import Folder, Store
from tests.support.declared import SCHEMA
from tests.support.frames import texts

WITHHELD_COLUMNS = ["row", "rule", "code"]


def metrics(
    read: int = 1,
    read_before: int | None = None,
    wanted: int = 0,
    withheld: Iterable[tuple[int, str, str]] = (),
    source_codes: Iterable[str] = (),
    target_codes: Iterable[str] = (),
    full_read: bool = True,
) -> ProductMetrics:
    issues = pd.DataFrame(list(withheld), columns=WITHHELD_COLUMNS)
    return ProductMetrics(
        read, read_before, full_read, wanted, issues, texts(list(source_codes)), texts(list(target_codes))
    )


ENDS = ("Centra", "myOGO")


def planned(creates: int = 0, updates: int = 0, live: int = 0) -> Plan:
    actions = ["create"] * creates + ["update"] * updates
    rows = [(action, f"K{n}", "1", "{}", "{}") for n, action in enumerate(actions)]
    return Plan(pd.DataFrame(rows, columns=CHANGE_COLUMNS), 0, live, "")


def repriced(*prices: tuple[Any, Any]) -> Plan:
    """A plan of price updates with the codes K0, K1, ...; each pair holds the old and the new price as JSON numbers."""
    rows = [
        ("update", f"K{n}", "1", f'{{"sales_price":{old}}}', f'{{"sales_price":{new}}}')
        for n, (old, new) in enumerate(prices)
    ]
    return Plan(pd.DataFrame(rows, columns=CHANGE_COLUMNS), 0, 0, "")


def messages(limits: ProductLimits, plan: Plan | None = None, observed: ProductMetrics | None = None) -> list[str]:
    return [one.message for one in violations(limits, plan or planned(), observed or metrics(), ENDS)]


def test_a_partial_read_is_not_checked_against_the_number_of_rows() -> None:
    assert messages(ProductLimits(min_rows=50), observed=metrics(1, 1000)) != []
    assert messages(ProductLimits(min_rows=50), observed=metrics(1, 1000, full_read=False)) == []


@pytest.mark.parametrize(("read", "refused"), [(0, True), (49, True), (50, False), (51, False)])
def test_fewer_rows_than_min_rows_are_refused(read: int, refused: bool) -> None:
    assert messages(ProductLimits(min_rows=50), observed=metrics(read)) == (
        [f"{read} rows were read, fewer than min_rows = 50"] if refused else []
    )


@pytest.mark.parametrize(("creates", "refused"), [(0, False), (5, False), (6, True)])
def test_more_creates_than_max_creates_are_refused(creates: int, refused: bool) -> None:
    assert messages(ProductLimits(max_creates=5), planned(creates)) == (
        ["6 products would be created, more than max_creates = 5"] if refused else []
    )


@pytest.mark.parametrize(("updates", "refused"), [(0, False), (5, False), (6, True)])
def test_more_updates_than_max_updates_are_refused(updates: int, refused: bool) -> None:
    assert messages(ProductLimits(max_updates=5), planned(updates=updates, live=1000)) == (
        ["6 products would be updated, more than max_updates = 5"] if refused else []
    )


@pytest.mark.parametrize(
    ("share", "live", "updates", "refused"),
    [
        pytest.param(0.30, 9, 9, False, id="9 products: too few for a share"),
        pytest.param(0.30, 10, 3, False, id="10 products, at the limit"),
        pytest.param(0.30, 10, 4, True, id="10 products, above"),
        pytest.param(0.30, 11, 3, False, id="11 products, below"),
        pytest.param(0.30, 11, 4, True, id="11 products, above"),
        pytest.param(0.29, 100, 29, False, id="29 of 100 at 0.29"),
        pytest.param(0.29, 100, 30, True, id="30 of 100 at 0.29"),
        pytest.param(0.57, 100, 57, False, id="57 of 100 at 0.57"),
        pytest.param(0.0, 10, 0, False, id="nothing at 0"),
        pytest.param(0.0, 10, 1, True, id="one at 0"),
        pytest.param(1.0, 10, 10, False, id="everything at 1"),
    ],
)
def test_more_updates_than_max_update_share_are_refused(share: float, live: int, updates: int, refused: bool) -> None:
    """The share applies if the target holds at least 10 products; a share equal to the limit passes."""
    assert messages(ProductLimits(max_update_share=share), planned(updates=updates, live=live)) == (
        [
            f"{updates} of the {live} products in myOGO would be updated ({updates / live:.1%}), "
            f"more than max_update_share = {share:g}"
        ]
        if refused
        else []
    )


def test_creates_do_not_count_for_the_update_share() -> None:
    assert messages(ProductLimits(max_update_share=0.1), planned(50, 1, 10)) == []


@pytest.mark.parametrize(
    ("share", "before", "read", "refused"),
    [
        pytest.param(0.60, None, 1, False, id="no earlier run"),
        pytest.param(0.60, 9, 1, False, id="9 before: too few for a share"),
        pytest.param(0.60, 10, 6, False, id="10 before, at the limit"),
        pytest.param(0.60, 10, 5, True, id="10 before, below"),
        pytest.param(0.60, 2998, 1799, False, id="first number within a fractional limit"),
        pytest.param(0.60, 2998, 1798, True, id="last number below a fractional limit"),
        pytest.param(0.07, 100, 7, False, id="7 of 100 at 0.07, which is 7.000000000000001 in binary"),
        pytest.param(0.07, 100, 6, True, id="6 of 100 at 0.07"),
        pytest.param(0.0, 10, 1, False, id="switched off"),
        pytest.param(1.0, 10, 10, False, id="as many, at 1"),
        pytest.param(1.0, 10, 9, True, id="one less, at 1"),
        pytest.param(0.60, 10, 5000, False, id="more than before"),
    ],
)
def test_fewer_rows_than_min_read_share_are_refused(share: float, before: int | None, read: int, refused: bool) -> None:
    """Compared with the last good run, if that read at least 10 rows."""
    assert messages(ProductLimits(min_read_share=share), observed=metrics(read, before)) == (
        [
            f"{read} rows were read, {read / (before or 0):.1%} of the {before} that the last good run read, "
            f"less than min_read_share = {share:g}"
        ]
        if refused
        else []
    )


def codes(letter: str, count: int) -> list[str]:
    return [f"{letter}{n:02}" for n in range(count)]


@pytest.mark.parametrize(
    ("share", "holds", "known", "refused"),
    [
        pytest.param(0.10, 9, 0, False, id="9 products: too few for a share"),
        pytest.param(0.10, 10, 1, False, id="10 products, at the limit"),
        pytest.param(0.10, 10, 0, True, id="10 products, below"),
        pytest.param(0.10, 11, 1, True, id="1 of 11"),
        pytest.param(0.10, 11, 2, False, id="2 of 11"),
        pytest.param(0.28, 25, 7, False, id="7 of 25 at 0.28, which is 7.000000000000001 in binary"),
        pytest.param(0.28, 25, 6, True, id="6 of 25 at 0.28"),
        pytest.param(0.0, 10, 0, False, id="switched off"),
        pytest.param(1.0, 10, 10, False, id="all at 1"),
        pytest.param(1.0, 10, 9, True, id="all but one at 1"),
    ],
)
def test_fewer_known_codes_than_min_known_share_are_refused(
    share: float, holds: int, known: int, refused: bool
) -> None:
    """The share of the target's codes that the source has, selected or not, if the target has at least 10 products."""
    held, listed = codes("T", holds), codes("S", 4)
    refusals = messages(
        ProductLimits(min_known_share=share), observed=metrics(source_codes=held[:known] + listed, target_codes=held)
    )
    assert bool(refusals) is refused
    if refused:
        assert refusals[0].startswith(f"{known} of the {holds} products in myOGO have the code of a size in Centra")
        assert f"({known / holds:.1%}), less than min_known_share = {share:g}" in refusals[0]
        only = ", ".join(f"'T{n:02}'" for n in range(known, min(known + 3, holds)))
        assert f"(only in myOGO: {only}; only in Centra: 'S00', 'S01', 'S02')" in refusals[0]
        assert refusals[0].endswith(
            ": is it the right shop? Compare merchant_id and both base_url with those of the right shop"
        )


def test_a_duplicate_code_counts_twice_in_the_target_and_once_in_the_source() -> None:
    """The share counts products of the target, not codes."""
    limits = ProductLimits(min_known_share=0.5)
    assert messages(limits, observed=metrics(source_codes=["A"], target_codes=["A"] * 5 + codes("T", 5))) == []
    assert messages(limits, observed=metrics(source_codes=["A"] * 5, target_codes=["A"] * 4 + codes("T", 6))) != []


def test_examples_are_sorted_limited_and_printable() -> None:
    """The order of rows does not matter; invisible characters are escaped and long codes are cut."""
    held, listed = ["b\u202e", "a\x1b[31m", "c" * 41, "d", *codes("T", 9)], ["y" * 40, "x", "x", "z"]
    one = messages(ProductLimits(), observed=metrics(source_codes=listed, target_codes=held))
    assert one == messages(ProductLimits(), observed=metrics(source_codes=listed[::-1], target_codes=held[::-1]))
    assert "only in myOGO: 'T00', 'T01', 'T02'; only in Centra: 'x', '" + "y" * 40 + "', 'z')" in one[0]
    [two] = messages(ProductLimits(), observed=metrics(target_codes=held[:4] + [f"e{n}" for n in range(9)]))
    assert r"only in myOGO: 'a\x1b[31m', 'b\u202e', '" + "c" * 39 + "…'; only in Centra: none)" in two
    [three] = messages(
        ProductLimits(min_known_share=1.0),
        observed=metrics(source_codes=codes("T", 9), target_codes=[*codes("T", 9), "new"]),
    )
    assert "only in myOGO: 'new'; only in Centra: none)" in three


@pytest.mark.parametrize(
    ("share", "wanted", "withheld", "refused"),
    [
        pytest.param(0.50, 9, 9, False, id="9 wanted: too few for a share"),
        pytest.param(0.50, 10, 5, False, id="10 wanted, at the limit"),
        pytest.param(0.50, 10, 6, True, id="10 wanted, above"),
        pytest.param(0.50, 11, 5, False, id="5 of 11"),
        pytest.param(0.50, 11, 6, True, id="6 of 11"),
        pytest.param(0.29, 100, 29, False, id="29 of 100 at 0.29, which is 28.999999999999996 in binary"),
        pytest.param(0.29, 100, 30, True, id="30 of 100 at 0.29"),
        pytest.param(0.0, 10, 0, False, id="none at 0"),
        pytest.param(0.0, 10, 1, True, id="one at 0"),
        pytest.param(1.0, 10, 10, False, id="all at 1"),
    ],
)
def test_more_withheld_rows_than_max_withheld_share_are_refused(
    share: float, wanted: int, withheld: int, refused: bool
) -> None:
    """The share of the selected rows, if there are at least 10. A row counts once, however many rules it breaks."""
    lines = [(n, rule, f"K{n:02}") for n in range(withheld) for rule in ("NAME-001", "COO-001")]
    few = ", ".join(f"'K{n:02}'" for n in range(min(withheld, 3)))
    assert messages(ProductLimits(max_withheld_share=share), observed=metrics(wanted=wanted, withheld=lines)) == (
        [
            f"{withheld} of the {wanted} selected rows would be withheld ({withheld / wanted:.1%}), more than "
            f"max_withheld_share = {share:g} (most by COO-001 {withheld}, NAME-001 {withheld}; for example {few})"
        ]
        if refused
        else []
    )


def test_the_rules_that_withhold_most_come_first() -> None:
    rules = ["A"] * 2 + ["B"] * 3 + ["C"] + ["D"] * 2 + ["E"] * 2
    [refusals] = messages(
        ProductLimits(), observed=metrics(wanted=10, withheld=[(n, rule, "K") for n, rule in enumerate(rules)])
    )
    assert "(most by B 3, A 2, D 2; for example 'K')" in refusals


@pytest.mark.parametrize(
    ("old", "new", "factor", "jump"),
    [
        pytest.param("10.00", "50.00", 5.0, False, id="up, at the factor"),
        pytest.param("10.00", "50.0001", 5.0, True, id="up, above it"),
        pytest.param("50.00", "10.00", 5.0, False, id="down, at the factor"),
        pytest.param("50.0001", "10.00", 5.0, True, id="down, above it"),
        pytest.param("0.1000", "0.1100", 1.1, False, id="at 1.1, which is more than 1.1 in binary"),
        pytest.param("0.1000", "0.1101", 1.1, True, id="above 1.1"),
        pytest.param("12345678901234.5678", "61728394506172.8390", 5.0, False, id="at the factor, 18 digits"),
        pytest.param("12345678901234.5678", "61728394506172.8391", 5.0, True, id="above it, 18 digits"),
        pytest.param(
            "10000000000000.0001", "50000050000000.0006", 5.000005, True, id="above it in the last of 24 digits"
        ),
        pytest.param("10.00", "10.01", 1.0, True, id="any change at 1"),
        pytest.param("0.00", "0.01", 1_000_000.0, True, id="from zero"),
        pytest.param("0.01", "0.00", 1_000_000.0, True, id="to zero"),
        pytest.param("-0.01", "0.01", 1_000_000.0, True, id="from less than zero"),
        pytest.param("-5.00", "0.00", 1_000_000.0, True, id="from less than zero to zero"),
        pytest.param("0.00", "0.0000", 5.0, False, id="zero is zero"),
        pytest.param("null", "1000.00", 5.0, False, id="a price that the target lacks"),
        pytest.param("10", "51", 5.0, True, id="integers"),
        pytest.param("10.00", "1000.00", 5.0, True, id="a hundred times"),
    ],
)
def test_a_price_change_by_more_than_the_factor_is_a_jump(old: str, new: str, factor: float, jump: bool) -> None:
    """Upwards and downwards."""
    limits = ProductLimits(max_price_jumps=0, price_jump_factor=factor)
    assert messages(limits, repriced((old, new))) == (
        [
            f"1 of the 1 updates would change the price by a factor of more than price_jump_factor = {factor:g}, "
            f"more than max_price_jumps = 0 (for example 'K0' {old} -> {new})"
        ]
        if jump
        else []
    )


@pytest.mark.parametrize(("jumps", "refused"), [(2, False), (3, True)])
def test_more_jumps_than_max_price_jumps_are_refused(jumps: int, refused: bool) -> None:
    """Any number of smaller price changes passes."""
    plan = repriced(*[("1.00", "2.00")] * 20, *[("1.00", "6.00")] * jumps, *[("null", "5.00")] * 20)
    refusals = messages(ProductLimits(max_price_jumps=2), plan)
    assert bool(refusals) is refused
    if refused:
        assert "3 of the 43 updates" in refusals[0]
        assert "(for example 'K20' 1.00 -> 6.00, 'K21' 1.00 -> 6.00, 'K22' 1.00 -> 6.00)" in refusals[0]


def test_only_updates_of_the_price_are_jumps() -> None:
    """Not creates, and not updates of other columns."""
    rows = [
        ("create", "A", "1", "{}", '{"sales_price":1000.00}'),
        ("update", "B", "1", '{"name":"x"}', '{"name":"y"}'),
        ("update", "C", "1", '{"name":"x","sales_price":1.00}', '{"name":"y","sales_price":9.00}'),
        ("update", "D", "1", '{"name":"x"}', '{"name":"y"}'),
        ("update", "E", "1", '{"sales_price":9.00}', '{"sales_price":1.00}'),
    ]
    [refusals] = messages(ProductLimits(max_price_jumps=1), Plan(pd.DataFrame(rows, columns=CHANGE_COLUMNS), 0, 0, ""))
    assert refusals.startswith("2 of the 4 updates")
    assert "(for example 'C' 1.00 -> 9.00, 'E' 9.00 -> 1.00)" in refusals


def test_all_exceeded_limits_are_reported_in_a_fixed_order() -> None:
    """Each with its key; only limits on the size of the plan can be met by --sku."""
    plan = repriced(*[("1.00", "9.00")] * 11)
    create = pd.DataFrame([("create", "N", "1", "{}", "{}")], columns=CHANGE_COLUMNS)
    plan = Plan(pd.concat([create, plan.changes]), 0, 10, "")
    lines = [(n, "SKU-001", "") for n in range(6)]
    observed = metrics(4, 100, 10, lines, source_codes=["S"], target_codes=codes("T", 10))
    limits = ProductLimits(min_rows=5, max_creates=0, max_updates=0, max_update_share=0.0)
    refusals = violations(limits, plan, observed, ENDS)
    assert [(one.key, one.narrows) for one in refusals] == [
        ("min_rows", False), ("min_read_share", False), ("min_known_share", False), ("max_withheld_share", False),
        ("max_creates", True), ("max_updates", True), ("max_update_share", True), ("max_price_jumps", True),
    ]  # fmt: skip
    assert all(f"{one.key} = " in one.message for one in refusals)


def test_an_empty_plan_passes_the_default_limits() -> None:
    """If at least one row was read."""
    assert messages(ProductLimits(), observed=metrics(1)) == []
    assert messages(ProductLimits(), observed=metrics(0)) != []


def test_the_default_limits_are_the_documented_ones() -> None:
    assert ProductLimits().model_dump() == {
        "min_rows": 1, "max_creates": 5000, "max_updates": 2000, "max_update_share": 0.30, "min_read_share": 0.60,
        "min_known_share": 0.10, "max_withheld_share": 0.50, "max_price_jumps": 10, "price_jump_factor": 5.0,
            "max_broken_share": 0.02,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "lowest", "highest", "step"),
    [
        ("min_read_share", 0, 1, 0.01),
        ("min_known_share", 0, 1, 0.01),
        ("max_withheld_share", 0, 1, 0.01),
        ("price_jump_factor", 1, 1_000_000, 0.01),
        ("max_price_jumps", 0, None, 1),
    ],
)
def test_a_limit_accepts_exactly_its_documented_range(
    key: str, lowest: float, highest: float | None, step: float
) -> None:
    """Both ends are valid; numbers outside, NaN and infinity are errors."""
    assert getattr(ProductLimits(**{key: lowest}), key) == lowest
    invalid = [lowest - step, float("nan"), float("inf")]
    if highest is not None:
        assert getattr(ProductLimits(**{key: highest}), key) == highest
        invalid.append(highest + step)
    for value in invalid:
        with pytest.raises(ValidationError):
            ProductLimits(**{key: value})


LIMIT = Violation("max_creates", "6 would be created", True)
BROAD = Violation("min_rows", "0 were read", False)


@pytest.mark.parametrize(
    ("refusals", "stopped", "message", "fix"),
    [
        pytest.param(
            [LIMIT], [],
            "The limits refuse this plan: 6 would be created.",
            "push with --force (this once), or narrow it with --sku, or set max_creates in [flows.products.limits] of "
            "shop.toml to what is normal for this shop.",
            id="a limit that --sku can satisfy",
        ),
        pytest.param(
            [LIMIT, BROAD], [],
            "The limits refuse this plan: 6 would be created; 0 were read.",
            "push with --force (this once), or set max_creates, min_rows in [flows.products.limits] of "
            "shop.toml to what is normal for this shop.",
            id="a limit that --sku cannot satisfy",
        ),
        pytest.param(
            [], ["GX-1 failed"],
            "The expectations refuse this plan: GX-1 failed.",
            "push with --force (this once), or set [flows.products.expectations] of "
            "shop.toml to what is normal for this shop.",
            id="an expectation",
        ),
        pytest.param(
            [LIMIT], ["GX-1 failed", "GX-2 failed"],
            "The limits and expectations refuse this plan: 6 would be created; GX-1 failed; GX-2 failed.",
            "push with --force (this once), or set max_creates in [flows.products.limits] and "
            "[flows.products.expectations] of shop.toml to what is normal for this shop.",
            id="both",
        ),
        pytest.param(
            [], ["Are these the codes of size X?"],
            "The expectations refuse this plan: Are these the codes of size X.",
            "push with --force (this once), or set [flows.products.expectations] of "
            "shop.toml to what is normal for this shop.",
            id="a question",
        ),
        pytest.param(
            [], ["..of the names", "X."],
            "The expectations refuse this plan: ..of the names; X.",
            "push with --force (this once), or set [flows.products.expectations] of "
            "shop.toml to what is normal for this shop.",
            id="sentences",
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_the_possible_fixes(
    refusals: list[Violation], stopped: list[str], message: str, fix: str
) -> None:
    """--sku is suggested only if it can help."""
    error = refusal(refusals, stopped, "products", Path("shop.toml"))
    assert isinstance(error, UnsafePlan)
    assert error.message == message
    assert error.fix == "Nothing was written. If the plan is right, " + fix


@pytest.fixture
def store(tmp_path: Path) -> Iterable[Store]:
    folder = Folder(tmp_path, "demo")
    folder.make()
    opened = Store(folder, SCHEMA)
    yield opened
    opened.close()


def add_run(store: Store, number: int, read: int, exit_code: int | None, flow: str = "products") -> None:
    """Adds a run to the run history; a higher number is a newer run."""
    started_at = datetime(2026, 1, number, tzinfo=UTC).replace(tzinfo=None)
    store.begin_run({"run_id": f"{9 - number}", "started_at": started_at, "flow": flow, "verb": "push"})
    if exit_code is not None:
        store.update_run(f"{9 - number}", {"ended_at": started_at, "exit_code": exit_code, "rows_read": read})
        store.append("sync.flows", pd.DataFrame([{"run_id": f"{9 - number}", "flow": flow, "rows_read": read}]))


def test_the_last_good_run_is_the_newest_successful_run_of_its_flow(store: Store) -> None:
    assert last_read(store, "products") is None
    add_run(store, 1, 100, 0)
    assert last_read(store, "products") == 100
    add_run(store, 2, 200, 3)
    add_run(store, 3, 300, 0, flow="stock")
    for number, code in enumerate((1, 4, 5, None), start=4):
        add_run(store, number, 400, code)
    assert last_read(store, "products") == 200
    assert last_read(store, "orders") is None


def test_a_limit_on_changes_counts_one_action() -> None:
    plan = planned(creates=3, updates=2)
    assert change_violations("max_creates", 3, plan, "create", "orders would be created") == []
    assert change_violations("max_creates", 2, plan, "create", "orders would be created") == [
        Violation("max_creates", "3 orders would be created (K0, K1, K2), more than max_creates = 2", True)
    ]
    assert change_violations("max_updates", 2, plan, "update", "shipments would be completed") == []
    (many,) = change_violations("max_creates", 2, planned(creates=12), "create", "orders would be created")
    assert many.message == ("12 orders would be created (K0, K1, K2, K3, K4 and 7 more), more than max_creates = 2")
