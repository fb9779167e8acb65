"""The stock flow, myOGO's stock levels to Centra, in complete runs over HTTP."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import child_process
from tests.support.shop import Shop, size
from tests.support.shop_helpers import withheld_rows_of

ShopOf = Callable[..., Shop]
TABLE = "[flows.stock.params]\ngoods_received = true\n"


def shop_with_stock(shop_of: ShopOf, *sizes: dict[str, Any], myogo: list[dict[str, Any]], more: str = "") -> Shop:
    """A shop whose channel has the products flow and the stock flow."""
    shop = shop_of(*sizes, myogo=myogo)
    shop.text += f"\n{TABLE}{more}"
    shop.file.write_text(shop.text)
    return shop


def held(number: int, **fields: Any) -> dict[str, Any]:
    """myOGO's product for `size(number)`, with ten units in stock."""
    return {"code": f"SKU{number}", "stock": 10} | fields


def physical(shop: Shop, *numbers: int) -> list[int]:
    return [shop.box.centra_row(number)["physical"] for number in numbers]


def writes(shop: Shop) -> list[dict[str, int]]:
    """Product to quantity, for each stock write sent to Centra."""
    return [
        {row["product"]: row["quantity"] for row in entry["body"]["products"]}
        for entry in shop.box.requests("centra")
        if entry["method"] in ("POST", "PUT")
    ]


def withheld(shop: Shop) -> list[tuple[Any, ...]]:
    return withheld_rows_of(shop, "stock")


def warned(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.sql("select code, rule from out_centra.warnings order by 1, 2")


def stock(shop: Shop, verb: str = "push", **options: Any) -> Any:
    return shop.run(verb, flows=("stock",), **options)


def test_stock_amounts_are_written_to_centra(shop_of: ShopOf) -> None:
    """Amounts are absolute, zeros included; equal amounts are not written; a second push sends nothing."""
    shop = shop_with_stock(
        shop_of, size(1, physical=3), size(2, physical=10), size(3, physical=4, allocated=0),
        myogo=[held(1), held(2), held(3, stock=0)],
    )  # fmt: skip
    report = stock(shop)
    assert (report.exit_code, report.message) == (0, "")
    assert list(report.flows) == ["stock"]
    counts = report.flows["stock"]
    assert {name: counts[name] for name in ("read", "update", "unchanged", "applied", "create", "skipped")} == {
        "read": 3, "update": 2, "unchanged": 1, "applied": 2, "create": 0, "skipped": 0,
    }  # fmt: skip
    assert physical(shop, 1, 2, 3) == [10, 10, 0]
    assert writes(shop) == [{"SKU1": 10, "SKU3": 0}]
    again = stock(shop)
    assert (again.exit_code, again.flows["stock"]["unchanged"]) == (0, 3)
    assert len(writes(shop)) == 1


def test_two_flows_run_in_one_run(shop_of: ShopOf) -> None:
    """One JSON object and one fingerprint; separate counts and a row of sync.flows for each flow."""
    shop = shop_with_stock(shop_of, size(1, physical=3), size(2), myogo=[held(1, name="Old")])
    planned = shop.json("plan")
    assert list(planned["flows"]) == ["products", "stock"]
    assert planned["flows"]["products"]["create"] == 1
    assert planned["flows"]["stock"]["update"] == 1
    pushed = shop.json("push", "--expect", planned["fingerprint"])
    assert (pushed["exit_code"], pushed["fingerprint"]) == (0, planned["fingerprint"])
    assert physical(shop, 1) == [10]
    rows = shop.sql(
        "select f.flow, f.creates, f.updates, f.applied from sync.flows f join sync.runs r using (run_id) "
        "where r.verb = 'push' order by 1"
    )
    products = pushed["flows"]["products"]
    assert rows == [("products", 1, products["update"], products["applied"]), ("stock", 0, 1, 1)]
    assert shop.sql("select flow, applied from sync.runs where verb = 'push'") == [
        ("products, stock", products["applied"] + 1)
    ]
    assert {row[0] for row in shop.sql("select distinct flow from sync.journal")} == {"products", "stock"}


def test_stock_is_not_written_before_goods_received_is_set(shop_of: ShopOf) -> None:
    """Not even with --force; the plan is counted, the other flow can run alone, and the fix names the setting."""
    shop = shop_with_stock(shop_of, size(1), size(2), myogo=[held(1, stock=0)])
    shop.edit("goods_received = true", "goods_received = false")
    for options in ({}, {"force": True}):
        report = stock(shop, **options)
        assert (report.exit_code, report.outcome) == (4, "refused")
        assert "it is not confirmed that the goods are in stock" in report.message
        assert "set goods_received = true in [flows.stock.params]" in report.fix
    assert writes(shop) == []
    assert report.flows["stock"]["update"] == 1
    assert shop.run("push").exit_code == 4, "no flow writes if one flow is refused"
    assert len(shop.box.myogo_products()) == 1
    assert shop.run("push", flows=("products",)).exit_code == 0
    assert len(shop.box.myogo_products()) == 2


def test_a_plan_that_sets_most_sizes_to_zero_is_refused(shop_of: ShopOf) -> None:
    """The message has examples and the fix; --force writes the amounts."""
    many = range(1, 13)
    shop = shop_with_stock(
        shop_of, *(size(n, allocated=0) for n in many), myogo=[held(n, stock=0 if n < 8 else 5) for n in many],
    )  # fmt: skip
    report = stock(shop)
    assert report.exit_code == 4
    assert "7 of the 12 sizes that Centra has in stock would fall to zero (58.3%)" in report.message
    assert "'SKU1', 'SKU2', 'SKU3'" in report.message
    assert "set max_zero_share in [flows.stock.limits]" in report.fix
    assert writes(shop) == []
    assert stock(shop, force=True).exit_code == 0
    assert physical(shop, 1, 7, 8) == [0, 0, 5]


def test_a_plan_that_changes_most_amounts_is_refused(shop_of: ShopOf) -> None:
    many = range(1, 13)
    shop = shop_with_stock(shop_of, *(size(n) for n in many), myogo=[held(n) for n in many])
    report = stock(shop)
    assert (report.exit_code, writes(shop)) == (4, [])
    assert "12 of the 12 amounts in the target would be updated (100.0%), more than max_update_share" in report.message
    shop.edit(
        "[flows.stock.params]", "[flows.stock.limits]\nmax_update_share = 1.0\nmax_updates = 11\n\n[flows.stock.params]"
    )
    assert "more than max_updates = 11" in stock(shop).message


@pytest.mark.parametrize(
    ("kind", "wanted"), [("physical", 12), ("fta", 9 + 2)], ids=["physical stock", "free to allocate"]
)
def test_the_amount_depends_on_the_stock_update_type_of_the_plugin(shop_of: ShopOf, kind: str, wanted: int) -> None:
    """Physical: the stock in the warehouse. FTA: the free stock, to which Centra adds what it has allocated."""
    shop = shop_with_stock(shop_of, size(1, physical=5, allocated=2), myogo=[held(1, stock=12, reserved=3)])
    shop.edit("goods_received = true", f'goods_received = true\nstock_update_type = "{kind}"')
    shop.box.switch("centra", stock_update_type=kind)
    assert stock(shop).exit_code == 0
    assert physical(shop, 1) == [wanted]
    assert stock(shop).flows["stock"]["unchanged"] == 1


def test_an_amount_raised_by_centra_to_its_allocation_is_reported(shop_of: ShopOf) -> None:
    """Centra raises the amount to what is allocated and answers ok; later runs do not write it again."""
    shop = shop_with_stock(shop_of, size(1, physical=9, allocated=4), myogo=[held(1, stock=3)])
    report = stock(shop)
    assert (report.exit_code, physical(shop, 1)) == (0, [4])
    assert report.facts["read_back"] == ["SKU1: Centra raised 3 to 4, which its orders have allocated"]
    assert shop.sql("select outcome, message from sync.journal") == [
        ("applied", "Centra raised 3 to 4, which its orders have allocated")
    ]
    again = stock(shop)
    assert (again.flows["stock"]["unchanged"], again.flows["stock"]["drifted"]) == (1, 1)
    assert warned(shop) == [("SKU1", "STOCK-006")]
    assert len(writes(shop)) == 1
    shop.box.change_centra_row(1, allocated=0)
    assert stock(shop).flows["stock"]["applied"] == 1
    assert physical(shop, 1) == [3]


@pytest.mark.parametrize("moves", ["stock_modified", "neither"])
def test_reading_back_does_not_depend_on_the_modification_time(shop_of: ShopOf, moves: str) -> None:
    shop = shop_with_stock(shop_of, size(1, physical=9, allocated=4), myogo=[held(1, stock=3)])
    shop.box.switch("centra", stock_moves=moves)
    assert len(stock(shop).facts["read_back"]) == 1


def test_amounts_that_were_not_read_back_are_reported(shop_of: ShopOf) -> None:
    """Sizes that Centra does not list as changed are read one by one up to a limit."""
    many = range(1, 61)
    shop = shop_with_stock(
        shop_of, *(size(n) for n in many), myogo=[held(n) for n in many],
        more="[flows.stock.limits]\nmax_update_share = 1.0\n",
    )  # fmt: skip
    shop.box.switch("centra", stock_moves="neither")
    assert stock(shop).facts["read_back"] == ["10 amounts were not read back: Centra does not list them as changed"]


def test_a_negative_amount_is_written_as_zero(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, size(1, allocated=0), myogo=[held(1, stock=2, reserved=5)])
    shop.edit("goods_received = true", 'goods_received = true\nstock_update_type = "fta"')
    shop.box.switch("centra", stock_update_type="fta")
    assert stock(shop).exit_code == 0
    assert (writes(shop), warned(shop)) == ([{"SKU1": 0}], [("SKU1", "STOCK-005")])


def test_ambiguous_codes_are_withheld(shop_of: ShopOf) -> None:
    """Each by its rule; codes in one system only and unselected sizes are skipped; the counts add up."""
    no_price = {"prices": []}
    shop = shop_with_stock(
        shop_of,
        size(1), size(2, sku="TWICE"), size(3, sku="TWICE"), size(4, **no_price), size(5, active=0), size(6),
        size(7, sku="7350000000016"), size(8, ean="7350000000016"),
        myogo=[held(1), held(1), {"code": "TWICE", "stock": 7}, held(4), held(5), {"code": "XX-9", "stock": 2},
               {"code": "7350000000016", "stock": 8}, held(8), {"code": "OTHER", "stock": 1}],
    )  # fmt: skip
    report = stock(shop)
    assert report.exit_code == 3
    assert withheld(shop) == [
        ("7350000000016", "STOCK-004", "7"),
        ("SKU1", "STOCK-001", "1"),
        ("SKU4", "STOCK-003", "4"),
        ("TWICE", "STOCK-002", "2"),
    ]
    counts = report.flows["stock"]
    assert {n: counts[n] for n in ("read", "skipped", "withheld", "update", "unchanged", "unmatched")} == {
        "read": 8, "skipped": 3, "withheld": 4, "update": 1, "unchanged": 0, "unmatched": 2,
    }  # fmt: skip
    assert writes(shop) == [{"SKU8": 10}]
    assert warned(shop) == [("XX-9", "STOCK-007")]
    assert physical(shop, 1, 2, 3, 4, 5, 6, 7, 8) == [5] * 7 + [10]


def test_an_ean_distinguishes_two_sizes_of_one_code(shop_of: ShopOf) -> None:
    """The size with myOGO's EAN is written, with the EAN as its key."""
    shop = shop_with_stock(
        shop_of, size(1, sku="TWICE", ean="7350000000016"), size(2, sku="TWICE", ean="7350000000023"),
        myogo=[{"code": "TWICE", "stock": 7, "eanCode": "7350000000023"}],
    )  # fmt: skip
    assert stock(shop).exit_code == 0
    assert (writes(shop), physical(shop, 1, 2)) == ([{"7350000000023": 7}], [5, 7])


def test_a_size_whose_code_is_another_sizes_ean_is_written_by_its_own_ean(shop_of: ShopOf) -> None:
    shop = shop_with_stock(
        shop_of, size(1, sku="7350000000016", ean="7350000000023"), size(2, ean="7350000000016"),
        myogo=[{"code": "7350000000016", "stock": 7}],
    )  # fmt: skip
    assert stock(shop).exit_code == 0
    assert (writes(shop), physical(shop, 1, 2)) == ([{"7350000000023": 7}], [7, 5])


def test_a_withheld_size_is_written_after_it_is_fixed(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, size(1, prices=[]), myogo=[held(1)])
    assert (stock(shop).exit_code, [row[:2] for row in withheld(shop)]) == (3, [("SKU1", "STOCK-003")])
    shop.box.change_centra_row(1, prices=size(1)["prices"])
    assert (stock(shop).exit_code, physical(shop, 1)) == (0, [10])
    closed = shop.sql("select rule, closed_reason from sync.issues where flow = 'stock'")
    assert closed == [("STOCK-003", "fixed")]


def test_a_bundle_is_refused_and_the_other_amounts_are_written(shop_of: ShopOf) -> None:
    """Centra refuses the batch and names the bundle."""
    shop = shop_with_stock(shop_of, *(size(n) for n in (1, 2, 3)), myogo=[held(n) for n in (1, 2, 3)])
    shop.box.switch("centra", bundles=["SKU2"])
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["applied"], report.flows["stock"]["refused"]) == (3, 2, 1)
    assert physical(shop, 1, 2, 3) == [10, 5, 10]
    ((key, message),) = shop.sql("select key, message from sync.journal where outcome = 'refused'")
    assert key == "SKU2"
    assert "is a bundle in Centra" in message


def test_a_code_deleted_in_centra_after_the_read_is_refused(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, *(size(n) for n in (1, 2)), myogo=[held(n) for n in (1, 2)])
    shop.box.add_fault(side="centra", kind="edit", method="POST", path="/stock", edits=[{"remove": 2}])
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["refused"]) == (3, 1)
    assert physical(shop, 1) == [10]


def test_the_http_method_of_the_write_is_configurable(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, size(1), myogo=[held(1)])
    shop.edit("[systems.centra]\n", '[systems.centra]\nstock_verb = "PUT"\n')
    assert stock(shop).exit_code == 0
    assert [e["method"] for e in shop.box.requests("centra") if e["method"] != "GET"] == ["PUT"]


def test_amounts_are_written_in_batches_of_a_hundred(shop_of: ShopOf) -> None:
    many = range(1, 251)
    shop = shop_with_stock(
        shop_of, *(size(n) for n in many), myogo=[held(n) for n in many], more="[flows.stock.limits]\n"
        "max_update_share = 1.0\n",
    )  # fmt: skip
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["applied"]) == (0, 250)
    assert [len(write) for write in writes(shop)] == [100, 100, 50]
    assert physical(shop, *many) == [10] * 250


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        pytest.param({"kind": "status", "status": 503}, "not_attempted", 5, id="unavailable at each attempt"),
        pytest.param({"kind": "drop_after"}, "unknown", 3, id="no answer"),
        pytest.param({"kind": "status", "status": 403}, "not_attempted", 2, id="not allowed"),
        pytest.param(
            {"kind": "refuse", "seconds": 60, "method": "GET"},
            "not_attempted",
            5,
            id="refused connection before the write",
        ),
        pytest.param({"kind": "refuse", "seconds": 60}, "applied", 0, id="refused connection after the write"),
    ],
)
def test_each_amount_has_one_outcome_if_centra_fails(
    shop_of: ShopOf, fault: dict[str, Any], outcome: str, code: int
) -> None:
    """And the next run writes the amounts."""
    shop = shop_with_stock(shop_of, *(size(n) for n in (1, 2)), myogo=[held(n) for n in (1, 2)])
    shop.edit("backoff_s           = 0.001", "attempts            = 2\nbackoff_s           = 0.001")
    shop.box.add_fault(**{"side": "centra", "method": "POST", "path": "/stock", "times": 9} | fault)
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"][outcome]) == (code, 2), report.message
    shop.box.clear_faults()
    assert stock(shop).exit_code == 0
    assert physical(shop, 1, 2) == [10, 10]


def test_a_write_with_a_lost_answer_is_repeated(shop_of: ShopOf) -> None:
    """Absolute amounts may be sent twice."""
    shop = shop_with_stock(shop_of, size(1), myogo=[held(1)])
    shop.box.add_fault(side="centra", kind="drop_after", method="POST", path="/stock")
    assert stock(shop).exit_code == 0
    assert writes(shop) == [{"SKU1": 10}, {"SKU1": 10}]


def test_a_run_narrowed_by_sku_writes_only_its_codes(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, *(size(n) for n in (1, 2)), myogo=[held(n) for n in (1, 2)])
    report = stock(shop, sku=("SKU2",))
    assert (report.flows["stock"]["skipped"], writes(shop)) == (1, [{"SKU2": 10}])


def test_an_unknown_flow_is_refused_with_the_known_ones(shop_of: ShopOf) -> None:
    shop = shop_of(size(1))
    shop.file.write_text(shop.text)
    document = shop.json("plan", "--flow", "stcok")
    assert (document["exit_code"], document["error"]["id"]) == (2, "CONFIG-001")
    assert "has no flow 'stcok'; known: products" in document["error"]["message"]


def test_the_stock_flow_runs_without_the_products_flow(shop_of: ShopOf) -> None:
    """The product rules still decide which sizes are withheld."""
    shop = shop_with_stock(shop_of, size(1), size(2, prices=[]), myogo=[held(1), held(2)])
    products = shop.text[shop.text.index("[flows.products.params]") : shop.text.index("[flows.stock.params]")]
    shop.edit(products, "")
    assert shop.run("push").exit_code == 3
    assert (writes(shop), [row[:2] for row in withheld(shop)]) == ([{"SKU1": 10}], [("SKU2", "STOCK-003")])
    assert json.loads(shop.command("report", str(shop.file), "--json", "--data", str(shop.data)).stdout)["flows"]


def test_the_report_shows_both_flows(shop_of: ShopOf, tmp_path: Path) -> None:
    """On the page, in the terminal, as Markdown and as lists, also if the last run was of one flow only."""
    shop = shop_with_stock(
        shop_of, size(1, physical=3), size(2, sku="TWICE"), size(3, sku="TWICE"),
        myogo=[held(1, name="Old"), {"code": "TWICE", "stock": 1}, {"code": "XX-<b>", "stock": 2}],
    )  # fmt: skip
    assert (shop.run("push").exit_code, stock(shop).exit_code) == (3, 3)
    page, markdown, lists = tmp_path / "report.html", tmp_path / "summary.md", tmp_path / "lists"
    arguments = ("--html", str(page), "--markdown", str(markdown), "--csv", str(lists), "--data", str(shop.data))
    terminal = shop.command("report", str(shop.file), *arguments)
    assert terminal.exit_code == 0
    html = page.read_text("utf-8")
    assert '<h2 id="flow-stock">Flow stock</h2>' in html
    for text in (html, markdown.read_text("utf-8"), terminal.stdout):
        assert "read 3 = skipped 1 + withheld 1 + create 0 + update 0 + unchanged 1" in text.replace("Read 3", "read 3")
        assert "STOCK-002" in text
        assert "SKU-002" in text
    assert "XX-&lt;b&gt;" in html
    assert "XX-<b>" not in html
    assert {path.name for path in lists.iterdir()} >= {
        "stock-withheld.csv", "stock-warnings.csv", "stock-changes.csv", "stock-closed.csv", "withheld.csv",
    }  # fmt: skip
    assert "STOCK-002" not in (lists / "withheld.csv").read_text("utf-8")
    report = json.loads(shop.command("report", str(shop.file), "--json", "--data", str(shop.data)).stdout)["report"]
    assert report["about_run_id"] != report["others"][0]["about_run_id"]


def test_a_run_killed_after_a_write_is_completed_by_the_next_run(shop_of: ShopOf) -> None:
    """The outcome of the sent write is unknown until the next run reads Centra; the write is not sent again."""
    shop = shop_with_stock(shop_of, *(size(n) for n in (1, 2)), myogo=[held(n) for n in (1, 2)])
    arguments = ("push", str(shop.file), "--flow", "stock", "--data", str(shop.data))
    finished = child_process.run(
        *arguments, folder=shop.folder, signal_at=child_process.SignalAt("Centra: after POST", 1, signal.SIGKILL)
    )
    assert finished.code == -signal.SIGKILL
    assert physical(shop, 1, 2) == [10, 10]
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["unchanged"]) == (0, 2)
    assert shop.sql(
        "select f.applied, f.unknown_outcome, f.not_attempted from sync.flows f join sync.runs r using (run_id) "
        "where r.outcome = 'killed'"
    ) == [(0, 2, 0)]
    assert len(writes(shop)) == 1


def test_check_reports_the_settings_of_the_stock_flow(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, size(1), myogo=[held(1)])
    assert "Stock update type must be physical stock" in _stock_check(shop)["message"]
    shop.edit("goods_received = true", "goods_received = false")
    assert "goods_received is not set" in _stock_check(shop)["message"]
    assert "goods_received = true" in _stock_check(shop)["fix"]


def _stock_check(shop: Shop) -> dict[str, Any]:
    """The check of the stock flow's settings."""
    (check,) = [one for one in shop.json("check")["checks"] if (one["system"], one["name"]) == ("channel", "stock")]
    return dict(check)


def test_our_own_stock_writes_cause_a_full_read_if_centra_does_not_list_them(shop_of: ShopOf) -> None:
    """Our writes do not move stock_modified, so the staged amounts may be outdated."""
    shop = shop_with_stock(shop_of, size(1), myogo=[held(1)])
    shop.edit('name = "demo"', 'name = "demo"\nrefresh = "changes"')
    shop.box.switch("centra", stock_moves="neither")
    for amount in (10, 12, 10):
        shop.box.change_myogo_product("SKU1", stock=amount)
        report = stock(shop)
        assert (report.exit_code, physical(shop, 1)) == (0, [amount])
    assert "an amount that we wrote" in report.facts["read"]["why"]


@pytest.mark.parametrize(
    "errors",
    [
        {"productsNotFound": ["X1"], "invalidQuantity": ["SKU2"]},
        {"productsNotFound": [735000]},
        {"productsNotFound": ["sku1 "]},
        {"somethingElse": True},
    ],
    ids=["another error", "a number", "another spelling", "an unknown key"],
)
def test_a_refusal_that_does_not_name_its_products_is_unknown(shop_of: ShopOf, errors: dict[str, Any]) -> None:
    """No amount counts as written; the next run reads both sides."""
    shop = shop_with_stock(shop_of, *(size(n) for n in (1, 2)), myogo=[held(n) for n in (1, 2)])
    body = {"status": "no", "msg": "Some of the products were not updated", "errors": errors}
    shop.box.add_fault(side="centra", kind="body", method="POST", path="/stock", body=body)
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["unknown"], report.flows["stock"]["applied"]) == (3, 2, 0)
    assert stock(shop).exit_code == 0


@pytest.mark.parametrize("place", ["store: after sync.changes", "store: after sync.rule_counts"])
def test_a_report_after_a_killed_run_works(shop_of: ShopOf, place: str) -> None:
    """The run had stored its rows but no counts; the report shows zeros."""
    shop = shop_with_stock(shop_of, size(1), myogo=[held(1)])
    arguments = ("plan", str(shop.file), "--data", str(shop.data))
    finished = child_process.run(
        *arguments, folder=shop.folder, signal_at=child_process.SignalAt(place, 1, signal.SIGKILL)
    )
    assert finished.code == -signal.SIGKILL
    shop.box.add_fault(side="centra", kind="no", method="GET", path="/products")
    assert shop.run("plan").exit_code == 5
    assert shop.command("report", str(shop.file), "--data", str(shop.data)).exit_code == 0
    assert shop.run("push", flows=("products",)).exit_code == 0
    assert shop.command("report", str(shop.file), "--json", "--data", str(shop.data)).exit_code == 0


def test_amounts_that_may_have_been_written_are_unknown(shop_of: ShopOf) -> None:
    """Centra serves the request and answers with a redirect."""
    shop = shop_with_stock(shop_of, size(1, physical=5), myogo=[held(1, stock=9)])
    shop.box.add_fault(side="centra", kind="status_after", status=302, method="POST", path="/stock", times=1)
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["unknown"]) == (2, 1)
    assert (stock(shop).exit_code, physical(shop, 1)) == (0, [9])


def test_check_warns_about_stock_update_type_fta(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, size(1), myogo=[held(1)], more='stock_update_type = "fta"')
    check = _stock_check(shop)
    assert (check["status"], "Physical" in check["fix"]) == ("warning", True)
