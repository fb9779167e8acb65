"""A run keeps the results of the run before while nothing that they depend on has changed, and only then."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from tests.support import child_process
from tests.support.child_process import SignalAt
from tests.support.shop import Shop, euro, expecting, product, size
from tests.support.shop_helpers import withheld_rows_of, writes

ShopOf = Callable[..., Shop]
FLOWS = ("products", "stock")
STOCK = "\n[flows.stock.params]\ngoods_received = true\n[flows.stock.limits]\nmax_update_share = 1.0\n"
SIZES = (
    size(1, physical=5, allocated=0), size(2, ean="73", allocated=0), size(3, prices=[]), size(4, prices=[euro("0")]),
    size(5, sku="SKU-X"), size(6, sku="SKU-X"), size(7, active=0), size(8, name="", product=""),
)  # fmt: skip
# What a run publishes, but for ids and times of runs.
PUBLISHED = (
    "select flow, rows_read, skipped, withheld, withheld_new, creates, updates, unchanged, drifted, unmatched, "
    "fingerprint from sync.flows where run_id = $run",
    "select w.* exclude (run_id, since), nullif(since, started_at) from sync.withheld w join sync.runs using (run_id) "
    "where run_id = $run",
    "select * exclude (run_id) from sync.rule_counts where run_id = $run",
    "select * exclude (run_id, evaluated_in, gx_result, observed, message) from sync.expectations where run_id = $run "
    "and expectation not in ('GX-RUN-001', 'GX-MST-005')",
    "select flow, source_id, rule, closed_reason, occurrences, nullif(since, last_at), last_run_id = $run "
    "from sync.issues",
    "select flow, source_id, code, rule, event from sync.issue_events",
    "select flow, source_id, key, state, run_id = $run from sync.row_states",
    "select flow, source_id, key from sync.links",
    "from out_myogo.products", "from out_myogo.warnings", "from out_centra.stock", "from out_centra.warnings",
    "from out_myogo.code_texts", "from out_myogo.kept_codes", "from v_products",
)  # fmt: skip


def published(shop: Shop, run_id: str) -> dict[str, list[str]]:
    with duckdb.connect(str(shop.data / "demo" / "analytics.duckdb"), read_only=True) as db:
        rows = {q: db.execute(q, {"run": run_id} if "$run" in q else None).fetchall() for q in PUBLISHED}
    return {query: sorted(map(repr, found)) for query, found in rows.items()}


def kept_flows(shop: Shop, run_id: str) -> set[str]:
    return {
        flow for (flow,) in shop.sql("select flow from sync.flows where run_id = $1 and evaluated_in <> $1", run_id)
    }


def add_param(line: str) -> Callable[[Shop], object]:
    return lambda shop: shop.edit("[flows.products.params]\n", f"[flows.products.params]\n{line}\n")


def before_limits(lines: str) -> Callable[[Shop], object]:
    return lambda shop: shop.edit("[flows.products.limits]", f"{lines}\n[flows.products.limits]")


def edit_working_file(statement: str) -> Callable[[Shop], None]:
    def edit(shop: Shop) -> None:
        with duckdb.connect(str(shop.data / "demo" / "work.duckdb")) as db:
            db.execute(statement)

    return edit


def refuse_to_read(shop: Shop) -> None:
    """A run whose address of Centra is wrong."""
    broken = replace(shop, text=shop.text.replace(shop.box.centra_url, f"{shop.box.centra_url}/nowhere"))
    broken.file.write_text(broken.text, "utf-8")
    assert broken.run("plan").exit_code not in (0, 3)
    shop.file.write_text(shop.text, "utf-8")


A_LINK = "insert into sync.links (flow, source_id, key) values ('products', '3', 'SKU9')"
A_WRITE = """
    insert into sync.journal (run_id, flow, key, action, outcome, ended_at)
    values ('2999', 'products', 'SKU1', 'update', 'applied', now()::timestamp)"""
EVENTS: dict[str, tuple[Callable[[Shop], object], set[str]]] = {
    "nothing": (lambda shop: None, {*FLOWS}),
    "a plan": (lambda shop: shop.run("plan"), {*FLOWS}),
    "a push": (lambda shop: shop.run(), {*FLOWS}),
    "a price in Centra": (lambda shop: shop.box.change_centra_row(1, prices=[euro("11.00")]), set()),
    "a price list that appears": (lambda shop: shop.box.change_centra_row(3, prices=[euro("9.50")]), set()),
    "a name in Centra": (lambda shop: shop.box.change_centra_row(2, name="Anorak"), set()),
    "a size that is activated": (lambda shop: shop.box.change_centra_row(7, active=1), set()),
    "a size that is gone": (lambda shop: shop.box.delete_centra_row(8), set()),
    "a colleague in myOGO": (lambda shop: shop.box.change_myogo_product("SKU1", salesPrice="12.00"), set()),
    "goods that arrive": (lambda shop: shop.box.change_myogo_product("SKU1", stock=9), set()),
    "goods that are sold": (lambda shop: shop.box.change_centra_row(1, physical=2), set()),
    "an excluded code": (before_limits('[flows.products.select]\nexclude = ["SKU2"]'), set()),
    "another currency": (lambda shop: shop.edit('currency          = "EUR"', 'currency          = "SEK"'), set()),
    "inactive sizes too": (add_param("include_inactive = true"), set()),
    "a limit": (lambda shop: shop.edit("max_update_share = 1.0", "max_update_share = 0.9"), set()),
    "a narrowed run": (lambda shop: shop.run("plan", sku=("SKU1",)), set()),
    "a run that could not read": (refuse_to_read, set()),
    "an edited link": (edit_working_file(A_LINK), set()),
    "an edited history": (edit_working_file(A_WRITE), set()),
}  # fmt: skip


@pytest.mark.parametrize("event", [pytest.param(name, id=name) for name in EVENTS])
def test_a_run_publishes_what_a_new_evaluation_would(
    shop_of: ShopOf, event: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each event, a plan and its twin, which keeps nothing, publish the same."""
    shop = shop_of(*SIZES)
    shop.run(flows=("products",))
    for code in ("SKU1", "SKU2"):
        shop.box.change_myogo_product(code, stock=5)
    shop.text += STOCK
    shop.file.write_text(shop.text, "utf-8")
    for _ in range(4):
        report = shop.run()
    assert kept_flows(shop, report.run_id) == {*FLOWS}
    happens, expected = EVENTS[event]
    happens(shop)
    twin = replace(shop, folder=tmp_path / "twin")
    shutil.copytree(shop.data, twin.data)
    twin.file.write_text(shop.text, "utf-8")

    report = shop.run("plan")
    assert kept_flows(shop, report.run_id) == expected
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.engine.run.inputs_of", lambda flow: None)
        anew = twin.run("plan")
    assert kept_flows(twin, anew.run_id) == set()
    assert published(shop, report.run_id) == published(twin, anew.run_id)
    assert (report.outcome, report.flows, report.fingerprint) == (anew.outcome, anew.flows, anew.fingerprint)


def test_checks_keep_their_results_too_but_not_the_age_of_data(shop_of: ShopOf) -> None:
    shop = expecting(shop_of(*SIZES))
    for _ in range(3):
        shop.run()
    kept = shop.run()
    assert kept_flows(shop, kept.run_id) == {"products"}
    (first,) = {row for (row,) in shop.sql("select evaluated_in from sync.flows where run_id = ?", kept.run_id)}
    results = (
        "select expectation, status, total, evaluated_in = run_id from sync.expectations where run_id = ? order by 1"
    )
    assert [row[:3] for row in shop.sql(results, kept.run_id)] == [row[:3] for row in shop.sql(results, first)]
    anew = {name for name, _, _, is_new in shop.sql(results, kept.run_id) if is_new}
    assert anew >= {"GX-RUN-001", "GX-MST-005", "GX-CPR-001"}
    assert not anew & {"GX-CPR-002", "GX-OUT-002"}
    edit_working_file("update sync.runs set started_at = started_at - interval 4 days")(shop)
    late = shop.run()
    assert kept_flows(shop, late.run_id) == {"products"}
    assert dict(row[:2] for row in shop.sql(results, late.run_id))["GX-RUN-001"] == "failed"


def test_a_check_that_stops_a_push_stops_one_that_keeps_its_results(shop_of: ShopOf) -> None:
    shop = expecting(shop_of(*SIZES))
    before_limits('[flows.products.expectations]\nstop = ["GX-RUN-001"]')(shop)
    for _ in range(3):
        shop.run()
    edit_working_file("update sync.runs set started_at = started_at - interval 4 days")(shop)
    report = shop.run()
    assert kept_flows(shop, report.run_id) == {"products"}
    assert (report.exit_code, "GX-RUN-001" in report.message) == (4, True)


def test_a_plan_that_breaks_a_limit_or_has_changes_is_evaluated_in_each_run(shop_of: ShopOf) -> None:
    shop = shop_of(size(1), size(2))
    for _ in range(3):
        assert kept_flows(shop, shop.run("plan").run_id) == set()
    assert len(writes(shop)) == 0
    shop = shop_of(*(size(number, prices=[]) for number in range(12)))
    for _ in range(3):
        report = shop.run("plan")
        assert kept_flows(shop, report.run_id) == set()
        assert report.facts["limits"]


def test_a_push_keeps_only_what_a_push_has_linked(shop_of: ShopOf) -> None:
    """Plans record no links, by which a later run knows a renamed size."""
    shop = shop_of(size(1), myogo=[product(1)])
    shop.run()
    shop.run()
    edit_working_file("delete from sync.links")(shop)
    shop.run("plan")
    assert kept_flows(shop, shop.run("plan").run_id) == {"products"}
    assert kept_flows(shop, shop.run().run_id) == set()
    assert shop.sql("select source_id, key from sync.links") == [("1", "SKU1")]


def test_the_plan_says_from_which_run_its_results_are(shop_of: ShopOf) -> None:
    shop = shop_of(*SIZES)
    for _ in range(2):
        shop.run()
    kept = shop.command("plan", str(shop.file), "--data", str(shop.data)).stdout
    (evaluated_in,) = shop.sql("select evaluated_in from sync.flows order by run_id desc limit 1")[0]
    assert f"nothing has changed since run {evaluated_in}: its results are kept" in kept
    assert "SKU-002" in kept  # withheld rows are listed as before
    assert withheld_rows_of(shop, "products")


@pytest.mark.parametrize(
    "place",
    [
        f"store: {when} {what}"
        for when in ("before", "before the commit of", "after")
        for what in ("sync.expectations", "the kept results")
    ]
    + ["run history: before the end of the run", "run history: after the end of the run", "publish: copied"],
)
def test_a_run_that_was_killed_while_it_kept_results_is_followed_by_a_new_evaluation(
    shop_of: ShopOf, place: str, tmp_path: Path
) -> None:
    shop = expecting(shop_of(size(1), size(2, prices=[])))
    for _ in range(3):
        shop.run()
    finished = child_process.run(
        "push", str(shop.file), "--data", str(shop.data), folder=tmp_path, signal_at=SignalAt(place, 1, signal.SIGKILL)
    )
    assert finished.code == -signal.SIGKILL, finished
    was_complete = place.startswith(("run history", "publish"))
    after, later = shop.run(), shop.run()
    assert [kept_flows(shop, one.run_id) for one in (after, later)] == [
        {"products"} if was_complete else set(),
        {"products"},
    ]
    assert [one.flows["products"]["withheld"] for one in (after, later)] == [1, 1]
    assert shop.sql("select count(*) from sync.withheld where run_id = ?", later.run_id) == [(1,)]
    assert shop.sql("select rule, last_run_id, closed_at, occurrences from sync.issues") == [
        ("PRICE-001", later.run_id, None, 1)
    ]


def test_a_clock_that_was_set_back_keeps_nothing(shop_of: ShopOf) -> None:
    """The newest id is then not that of the run before, whose tables may be narrowed."""
    shop = shop_of(*SIZES)
    for _ in range(3):
        shop.run()
    edit_working_file("insert into sync.flows (run_id, flow) values ('29990101T000000-000000', 'products')")(
        shop
    )  # of a narrowed run, when the clock was ahead
    assert kept_flows(shop, shop.run().run_id) == set()


def test_code_of_others_is_never_kept(shop_of: ShopOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of it would not be noticed."""
    (tmp_path / "our_prices.py").write_text("from transforms.products import to_myogo as ours\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    shop = shop_of(size(1))
    shop.edit("[flows.products.params]", '[flows.products]\ntransform = "our_prices:ours"\n[flows.products.params]')
    for _ in range(3):
        assert kept_flows(shop, shop.run().run_id) == set()


def test_a_new_program_evaluates_anew(shop_of: ShopOf, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_of(size(1))
    for _ in range(3):
        report = shop.run()
    assert kept_flows(shop, report.run_id) == {"products"}
    monkeypatch.setattr("pipelines.engine.kept_evaluation.PROGRAM", "another")
    assert kept_flows(shop, shop.run().run_id) == set()


def test_a_rebuilt_file_is_evaluated_anew(shop_of: ShopOf) -> None:
    shop = shop_of(*SIZES)
    for _ in range(3):
        shop.run()
    report = shop.run("plan", rebuild=True)
    assert kept_flows(shop, report.run_id) == set()
    assert len(shop.sql("from out_myogo.products")) == report.flows["products"]["unchanged"] > 0
