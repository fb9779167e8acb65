"""The stock flow, myOGO's stock levels to Centra, in complete runs over HTTP."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.flows import stock_answers
from tests.support import child_process
from tests.support.shop import Shop, euro, size
from tests.support.shop_helpers import FOREVER, withheld_rows_of

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
        if entry["method"] in ("POST", "PUT") and entry["path"].endswith("/stock")
    ]


def withheld(shop: Shop) -> list[tuple[Any, ...]]:
    return withheld_rows_of(shop, "stock")


def warned(shop: Shop) -> list[tuple[Any, ...]]:
    """Without STOCK-010, which each size with allocated units has in a channel without orders flow."""
    return shop.sql("select code, rule from out_centra.warnings where rule <> 'STOCK-010' order by 1, 2")


def stock(shop: Shop, verb: str = "push", **options: Any) -> Any:
    return shop.run(verb, flows=("stock",), **options)


def test_stock_amounts_are_written_to_centra(shop_of: ShopOf) -> None:
    """Amounts are absolute, zeros included; equal amounts are not written. Centra raises an amount to what its orders
    have allocated and answers ok: it is reported and not written again until the orders have left."""
    shop = shop_with_stock(
        shop_of, size(1, physical=3), size(2, physical=10), size(3, physical=4, allocated=0),
        size(4, physical=9, allocated=4), size(5, physical=9, allocated=4),
        myogo=[held(1), held(2), held(3, stock=0), held(4, stock=3), held(5, stock=3)],
    )  # fmt: skip
    report = stock(shop)
    assert (report.exit_code, report.message) == (0, "")
    assert list(report.flows) == ["stock"]
    counts = report.flows["stock"]
    assert {name: counts[name] for name in ("read", "update", "unchanged", "applied", "create", "skipped")} == {
        "read": 5, "update": 4, "unchanged": 1, "applied": 4, "create": 0, "skipped": 0,
    }  # fmt: skip
    assert physical(shop, 1, 2, 3, 4, 5) == [10, 10, 0, 4, 4]
    assert writes(shop) == [{"SKU1": 10, "SKU3": 0, "SKU4": 3, "SKU5": 3}]
    raised = "Centra raised 3 to 4, which its orders have allocated"
    assert report.facts["read_back"] == [f"SKU4: {raised}", f"SKU5: {raised}"]
    assert shop.sql("select key, outcome, message from sync.journal order by 1") == [
        ("SKU1", "applied", ""), ("SKU3", "applied", ""), ("SKU4", "applied", raised), ("SKU5", "applied", raised),
    ]  # fmt: skip

    shop.box.change_centra_row(5, allocated=0)
    again = stock(shop)
    counts = again.flows["stock"]
    assert (again.exit_code, counts["unchanged"], counts["drifted"], counts["applied"]) == (0, 4, 1, 1)
    assert warned(shop) == [("SKU4", "STOCK-006")]
    assert writes(shop)[1:] == [{"SKU5": 3}]
    assert physical(shop, 1, 2, 3, 4, 5) == [10, 10, 0, 4, 3]


def test_two_flows_run_in_one_run(shop_of: ShopOf, tmp_path: Path) -> None:
    """One JSON object and one fingerprint; separate counts and a row of sync.flows for each flow. The report shows both
    flows on the page, in the terminal, as Markdown and as lists, also if the last run was of one flow only."""
    shop = shop_with_stock(
        shop_of, size(1, physical=3), size(2, sku="TWICE"), size(3, sku="TWICE"), size(4, physical=0, allocated=0),
        myogo=[held(1, name="Old"), {"code": "TWICE", "stock": 1}, {"code": "XX-<b>", "stock": 2}],
    )  # fmt: skip
    planned = shop.json("plan")
    assert list(planned["flows"]) == ["products", "stock"]
    assert planned["flows"]["products"]["create"] == 1
    assert planned["flows"]["stock"]["update"] == 1
    pushed = shop.json("push", "--expect", planned["fingerprint"])
    assert (pushed["exit_code"], pushed["fingerprint"]) == (3, planned["fingerprint"])
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

    assert stock(shop).exit_code == 3
    page, markdown, lists = tmp_path / "report.html", tmp_path / "summary.md", tmp_path / "lists"
    arguments = ("--html", str(page), "--markdown", str(markdown), "--csv", str(lists), "--data", str(shop.data))
    terminal = shop.command("report", str(shop.file), *arguments)
    assert terminal.exit_code == 0
    html = page.read_text("utf-8")
    assert '<h2 id="flow-stock">Flow stock</h2>' in html
    for text in (html, markdown.read_text("utf-8"), terminal.stdout):
        assert "read 4 = skipped 1 + withheld 1 + create 0 + update 0 + unchanged 2" in text.replace("Read 4", "read 4")
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


def test_stock_is_not_written_before_goods_received_is_set(shop_of: ShopOf) -> None:
    """Not even with --force; the plan is counted, the other flow is not held back, and the fix names the setting."""
    shop = shop_with_stock(shop_of, size(1), size(2), myogo=[held(1, stock=0)])
    shop.edit("goods_received = true", "goods_received = false")
    report = stock(shop, force=True)
    assert (report.exit_code, report.outcome) == (4, "refused")
    assert "it is not confirmed that the goods are in stock" in report.message
    assert "set goods_received = true in [flows.stock.params]" in report.fix
    assert report.flows["stock"]["update"] == 1
    report = shop.run("push")
    assert report.exit_code == 0
    assert (report.flows["stock"]["not_attempted"], report.flows["products"]["applied"]) == (1, 2)
    assert "set goods_received = true" in report.facts["waiting"][0]
    assert writes(shop) == []


@pytest.mark.parametrize("goods_received", ["true", "false"])
def test_the_first_day_of_a_new_shop_works(shop_of: ShopOf, goods_received: str) -> None:
    """The products go to an empty merchant; stock waits, with a message. Later an empty list is refused."""
    shop = shop_with_stock(shop_of, *(size(number) for number in range(1, 13)), myogo=[])
    shop.edit("goods_received = true", f"goods_received = {goods_received}")
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/Stock", body=[], times=FOREVER)
    for applied in (12, 0):
        report = shop.run("push")
        assert (report.exit_code, report.flows["products"]["applied"]) == (0, applied)
        assert "myOGO's stock list is still empty" in report.facts["waiting"][0]
    printed = shop.command("push", str(shop.file), "--data", str(shop.data)).stdout
    assert "The stock flow waits" in printed
    assert stock(shop).exit_code == 4
    shop.box.clear_faults()
    shop.box.change_myogo_product("SKU1", stock=10)
    shop.edit(f"goods_received = {goods_received}", "goods_received = true")
    assert stock(shop, force=True).exit_code == 0
    shop.box.add_fault(side="myogo", kind="body", method="GET", path="/api/v1/Stock", body=[], times=FOREVER)
    report = shop.run("push")
    assert (report.exit_code, "fewer than min_rows" in report.message) == (4, True)


def test_a_plan_that_sets_most_sizes_to_zero_or_changes_most_amounts_is_refused(shop_of: ShopOf) -> None:
    """Also by the number of the changes. The message has examples and the fix; --force writes the amounts."""
    many = range(1, 13)
    shop = shop_with_stock(
        shop_of, *(size(n, allocated=0) for n in many), myogo=[held(n, stock=0 if n < 8 else 6) for n in many],
        more="[flows.stock.limits]\nmax_updates = 11\n",
    )  # fmt: skip
    report = stock(shop)
    assert report.exit_code == 4
    assert "7 of the 12 sizes that Centra has in stock would fall to zero (58.3%)" in report.message
    assert "'SKU1', 'SKU2', 'SKU3'" in report.message
    assert "12 of the 12 amounts in Centra would be updated (100.0%), more than max_update_share" in report.message
    assert "more than max_updates = 11" in report.message
    assert "set max_updates, max_update_share, max_zero_share in [flows.stock.limits]" in report.fix
    assert writes(shop) == []
    assert stock(shop, force=True).exit_code == 0
    assert physical(shop, 1, 7, 8) == [0, 0, 6]


def test_shares_of_a_selection_are_shares_of_all(shop_of: ShopOf) -> None:
    """Twelve chosen sizes of forty may change, and fall to zero, although all of them do."""
    many = range(1, 41)
    shop = shop_with_stock(
        shop_of, *(size(n, allocated=0) for n in many), myogo=[held(n, stock=0 if n < 13 else 5) for n in many],
    )  # fmt: skip
    report = stock(shop, sku=tuple(f"SKU{n}" for n in range(1, 13)))
    assert (report.exit_code, report.flows["stock"]["applied"]) == (0, 12)
    assert physical(shop, 1, 12, 13) == [0, 0, 5]


def test_free_amounts_are_written_if_the_plugin_takes_them(shop_of: ShopOf) -> None:
    """Less what Centra has allocated, which it adds. A negative amount is written as zero, an equal one is not
    written."""
    shop = shop_with_stock(
        shop_of, size(1, physical=5, allocated=2), size(2, allocated=0), size(3, physical=5, allocated=2),
        myogo=[held(1, stock=12, reserved=3), held(2, stock=2, reserved=5), held(3, stock=8, reserved=3)],
    )  # fmt: skip
    shop.edit("goods_received = true", 'goods_received = true\nstock_update_type = "fta"')
    shop.box.switch("centra", stock_update_type="fta")
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["unchanged"]) == (0, 1)
    assert (writes(shop), warned(shop)) == ([{"SKU1": 7, "SKU2": 0}], [("SKU2", "STOCK-005")])
    assert physical(shop, 1, 2, 3) == [7 + 2, 0, 5]


def test_many_amounts_are_written_in_batches_of_a_hundred(shop_of: ShopOf) -> None:
    """Sizes that Centra does not list as changed are read back one by one up to a limit; the others are reported."""
    many = range(1, 251)
    shop = shop_with_stock(
        shop_of, size(1, physical=12, allocated=11), *(size(n) for n in many[1:]), myogo=[held(n) for n in many],
        more="[flows.stock.limits]\nmax_update_share = 1.0\n",
    )  # fmt: skip
    shop.box.switch("centra", stock_moves="neither")
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["applied"]) == (0, 250)
    assert [len(write) for write in writes(shop)] == [100, 100, 50]
    assert physical(shop, *many) == [11] + [10] * 249
    assert sorted(report.facts["read_back"]) == [
        "200 amounts were not read back: Centra does not list them as changed",
        "SKU1: Centra raised 10 to 11, which its orders have allocated",
    ]


def test_ambiguous_codes_are_withheld(shop_of: ShopOf) -> None:
    """Each by its rule; codes in one system only and unselected sizes are skipped; the counts add up. A size is written
    after it is fixed. A run narrowed by --sku writes only its codes."""
    shop = shop_with_stock(
        shop_of,
        size(1), size(2, sku="TWICE"), size(3, sku="TWICE"), size(4, prices=[]), size(5, active=0), size(6),
        size(7, sku="7350000000016"), size(8, ean="7350000000016"),
        # An EAN distinguishes two sizes of one code; a code that is another size's EAN, written by its own EAN.
        size(9, sku="BOTH", ean="7350000000092"), size(10, sku="BOTH", ean="7350000000108"),
        size(11, sku="7350000000122", ean="7350000000115"), size(12, ean="7350000000122"), size(13, sku="SKU/13"),
        myogo=[held(1), held(1), {"code": "TWICE", "stock": 7}, held(4), held(5), {"code": "XX-9", "stock": 2},
               {"code": "7350000000016", "stock": 8}, held(8), {"code": "OTHER", "stock": 1},
               {"code": "BOTH", "stock": 7, "eanCode": "7350000000108"}, {"code": "7350000000122", "stock": 6},
               {"code": "SKU/13", "stock": 9}],
    )  # fmt: skip
    report = stock(shop)
    assert report.exit_code == 3
    assert withheld(shop) == [
        ("7350000000016", "STOCK-004", "7"), ("SKU/13", "STOCK-003", "13"), ("SKU1", "STOCK-001", "1"),
        ("SKU12", "STOCK-009", "12"), ("SKU6", "STOCK-009", "6"), ("TWICE", "STOCK-002", "2"),
    ]  # fmt: skip
    counts = report.flows["stock"]
    assert {n: counts[n] for n in ("read", "skipped", "withheld", "update", "unchanged", "unmatched")} == {
        "read": 13, "skipped": 3, "withheld": 6, "update": 4, "unchanged": 0, "unmatched": 2,
    }  # fmt: skip
    assert writes(shop) == [{"7350000000108": 7, "7350000000115": 6, "SKU4": 10, "SKU8": 10}]
    assert warned(shop) == [("XX-9", "STOCK-007")]
    assert physical(shop, *range(1, 14)) == [5, 5, 5, 10, 5, 5, 5, 10, 5, 7, 6, 5, 5]

    shop.box.change_myogo_product("SKU/13", stock=2)
    shop.box.change_myogo_product("SKU8", stock=9)
    report = stock(shop, sku=("SKU/13",))
    assert (report.exit_code, report.flows["stock"]["skipped"]) == (0, 12)
    assert writes(shop)[1:] == [{"SKU/13": 2}]
    assert physical(shop, 13, 8) == [2, 10]
    closed = shop.sql("select rule, closed_reason from sync.issues where flow = 'stock' and code = 'SKU/13'")
    assert closed == [("STOCK-003", "fixed")]


def test_a_refused_code_does_not_affect_the_other_amounts(shop_of: ShopOf) -> None:
    """Centra refuses the batch and names the bundle, and a code that was deleted after the read."""
    many = (1, 2, 3, 4)
    shop = shop_with_stock(shop_of, *(size(n) for n in many), myogo=[held(n) for n in many])
    shop.box.switch("centra", bundles=["SKU2"])
    shop.box.add_fault(side="centra", kind="edit", method="POST", path="/stock", edits=[{"remove": 4}])
    report = stock(shop)
    assert (report.exit_code, report.flows["stock"]["applied"], report.flows["stock"]["refused"]) == (3, 2, 2)
    assert physical(shop, 1, 2, 3) == [10, 5, 10]
    messages = dict(shop.sql("select key, message from sync.journal where outcome = 'refused'"))
    assert "is a bundle in Centra" in messages["SKU2"]
    assert "Centra does not find 'SKU4'" in messages["SKU4"]


UNNAMED = {"productsNotFound": ["X1"], "invalidQuantity": ["SKU2"]}
REFUSAL = {"status": "no", "msg": "Some of the products were not updated", "errors": UNNAMED}
FAILURES: list[tuple[dict[str, Any], str, int]] = [
    ({"kind": "status", "status": 503}, "not_attempted", 5),  # unavailable at each attempt
    ({"kind": "drop_after"}, "unknown", 3),  # no answer at any attempt
    ({"kind": "status", "status": 403}, "not_attempted", 2),  # not allowed
    ({"kind": "status_after", "status": 302}, "unknown", 2),  # served, and answered with a redirect
    ({"kind": "body", "body": REFUSAL}, "unknown", 3),  # a refusal that does not name its products
    ({"kind": "refuse", "seconds": 60, "method": "GET"}, "not_attempted", 5),  # refused connections before the write
    ({"kind": "refuse", "seconds": 60}, "applied", 0),  # and after the write
]


def test_each_amount_has_one_outcome_if_centra_fails(shop_of: ShopOf) -> None:
    """And a later run writes the amounts."""
    shop = shop_with_stock(shop_of, *(size(n) for n in (1, 2)), myogo=[held(n) for n in (1, 2)])
    shop.edit("backoff_s           = 0.001", "attempts            = 2\nbackoff_s           = 0.001")
    for amount, (fault, outcome, code) in enumerate(FAILURES, start=20):
        for number in (1, 2):
            shop.box.change_myogo_product(f"SKU{number}", stock=amount)
        shop.box.add_fault(**{"side": "centra", "method": "POST", "path": "/stock", "times": 9} | fault)
        report = stock(shop)
        assert (report.exit_code, report.flows["stock"][outcome]) == (code, 2), (fault, report.message)
        shop.box.clear_faults()
    assert physical(shop, 1, 2) == [amount, amount]


def test_an_unknown_flow_is_refused_with_the_known_ones(shop_of: ShopOf) -> None:
    shop = shop_of(size(1))
    shop.file.write_text(shop.text)
    document = shop.json("plan", "--flow", "stcok")
    assert (document["exit_code"], document["error"]["id"]) == (2, "CONFIG-001")
    assert "has no flow 'stcok'; known: products" in document["error"]["message"]


def test_the_stock_flow_runs_without_the_products_flow(shop_of: ShopOf) -> None:
    """The product rules still decide which sizes are withheld."""
    shop = shop_with_stock(
        shop_of, size(1), size(2, sku="A/2"), size(3, prices=[]), myogo=[held(1), held(3), {"code": "A/2", "stock": 9}]
    )
    products = shop.text[shop.text.index("[flows.products.params]") : shop.text.index("[flows.stock.params]")]
    shop.edit(products, "")
    assert shop.run("push").exit_code == 3
    assert writes(shop) == [{"SKU1": 10, "SKU3": 10}]
    assert [row[:2] for row in withheld(shop)] == [("A/2", "STOCK-003")]
    assert json.loads(shop.command("report", str(shop.file), "--json", "--data", str(shop.data)).stdout)["flows"]


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
    """Our writes do not move stock_modified, so the staged amounts may be outdated: the second run would take the
    amount before our write for the present one."""
    shop = shop_with_stock(shop_of, size(1, physical=5), myogo=[held(1)])
    shop.edit('name = "demo"', 'name = "demo"\nrefresh = "changes"')
    shop.box.switch("centra", stock_moves="neither")
    for amount in (10, 5):
        shop.box.change_myogo_product("SKU1", stock=amount)
        report = stock(shop)
        assert (report.exit_code, physical(shop, 1)) == (0, [amount])
    assert "an amount that we wrote" in report.facts["read"]["why"]


def test_a_report_after_a_killed_run_works(shop_of: ShopOf) -> None:
    """The run had stored its rows but no counts; the report shows zeros."""
    shop = shop_with_stock(shop_of, size(1), myogo=[held(1)])
    arguments = ("plan", str(shop.file), "--data", str(shop.data))
    for place in ("store: after sync.changes", "store: after sync.rule_counts"):
        finished = child_process.run(
            *arguments, folder=shop.folder, signal_at=child_process.SignalAt(place, 1, signal.SIGKILL)
        )
        assert finished.code == -signal.SIGKILL
        shop.box.add_fault(side="centra", kind="no", method="GET", path="/products")
        assert shop.run("plan").exit_code == 5
        assert shop.command("report", str(shop.file), "--data", str(shop.data)).exit_code == 0
    assert shop.run("push", flows=("products",)).exit_code == 0
    assert shop.command("report", str(shop.file), "--json", "--data", str(shop.data)).exit_code == 0


def test_check_warns_about_stock_update_type_fta(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, size(1), myogo=[held(1)], more='stock_update_type = "fta"')
    check = _stock_check(shop)
    assert (check["status"], "Physical" in check["fix"]) == ("warning", True)


@pytest.mark.parametrize("zero_rows", [True, False])
def test_a_size_that_sells_out_falls_to_zero_if_myogo_lists_it_or_not(shop_of: ShopOf, zero_rows: bool) -> None:
    """The amount is that of the product then. A code that myOGO does not have at all is withheld until Centra has none
    either, but only once the goods are in stock."""
    many = (1, 2, 3)
    shop = shop_with_stock(
        shop_of, *(size(n, allocated=0) for n in many), size(4, allocated=0), myogo=[held(n) for n in many]
    )
    shop.box.switch("myogo", zero_stock_rows=zero_rows)
    for number in (1, 3):
        shop.box.change_myogo_product(f"SKU{number}", stock=0)
    shop.edit("goods_received = true", "goods_received = false")
    assert stock(shop, "plan").flows["stock"]["withheld"] == 0
    shop.edit("goods_received = false", "goods_received = true")
    report = stock(shop)
    assert (report.exit_code, withheld(shop)) == (3, [("SKU4", "STOCK-009", "4")])
    assert physical(shop, 1, 2, 3, 4) == [0, 10, 0, 5]
    (message,) = shop.sql("select message from sync.withheld")[0]
    assert message == "Centra has 5 (size 4) of 'SKU4' in stock, and myOGO shows neither a stock row nor a product."
    shop.box.change_centra_row(4, physical=0)
    assert stock(shop).exit_code == 0


PRODUCT_FAULTS: list[dict[str, Any]] = [
    {"prices": []}, {"countryOfOrigin": "Portugal"}, {"name": "", "product": ""}, {"prices": [euro("-1")]},
]  # fmt: skip


def test_a_price_a_country_or_a_name_does_not_stop_an_amount(shop_of: ShopOf) -> None:
    shop = shop_with_stock(
        shop_of, *(size(n, allocated=0, **fault) for n, fault in enumerate(PRODUCT_FAULTS, start=1)),
        myogo=[held(n) for n in range(1, 5)],
    )  # fmt: skip
    assert (stock(shop).exit_code, physical(shop, 1, 2, 3, 4)) == (0, [10] * 4)
    for number in range(1, 5):
        shop.box.change_myogo_product(f"SKU{number}", stock=0)
    assert (stock(shop).exit_code, physical(shop, 1, 2, 3, 4)) == (0, [0] * 4)


def test_a_fall_is_written_though_the_identity_is_in_doubt(shop_of: ShopOf) -> None:
    """To the most that myOGO can have: a code that it lists twice, and a code with a slash. A rise waits, with both
    amounts in the message."""
    shop = shop_with_stock(
        shop_of, size(1, allocated=0), size(2, sku="A/2", allocated=0), size(3, allocated=0),
        myogo=[held(1, stock=1), held(1, stock=2), {"code": "A/2", "stock": 0}, held(3, stock=4), held(3, stock=5)],
    )  # fmt: skip
    report = stock(shop)
    assert (report.exit_code, physical(shop, 1, 2, 3)) == (3, [3, 0, 5])
    assert shop.sql("select message from sync.withheld") == [
        ("myOGO has 2 rows for the code 'SKU3'. Centra shows 5; it should show 9.",)
    ]


@pytest.mark.parametrize("copies", ["lowest_id", "highest_id"])
def test_an_inactive_copy_does_not_stop_a_fall(shop_of: ShopOf, copies: str) -> None:
    """If Centra takes the text for the copy, the active size keeps its amount: that is refused, named with both
    amounts, and not sent again until a day has passed."""
    twin = {"sku": "TWIN", "ean": "7350000000016", "allocated": 0}
    shop = shop_with_stock(
        shop_of, size(1, **twin), size(2, **twin, active=0), size(3), myogo=[{"code": "TWIN", "stock": 0}, held(3)]
    )
    shop.box.switch("centra", stock_product_copies=copies)
    report = stock(shop)
    assert writes(shop) == [{"SKU3": 10, "TWIN": 0}]
    if copies == "lowest_id":
        assert (report.exit_code, physical(shop, 1, 2)) == (0, [0, 5])
        return
    assert (report.exit_code, physical(shop, 1, 2)) == (3, [5, 0])
    again = stock(shop)
    assert (again.exit_code, len(writes(shop))) == (3, 1)
    assert shop.sql("select message from sync.withheld where rule = 'STOCK-011'")[-1] == (
        "0 of 'TWIN' was written, and Centra showed 5 right after it. Centra shows 5; it should show 0.",
    )


@pytest.mark.parametrize(
    ("switches", "shown"), [({"stock_update_type": "fta"}, [13, 10, 0]), ({"virtual_stock": 2}, [12, 12, 2])]
)
def test_an_amount_that_centra_does_not_keep_is_refused_and_not_sent_again(
    shop_of: ShopOf, monkeypatch: pytest.MonkeyPatch, switches: dict[str, Any], shown: list[int]
) -> None:
    """With both settings named. It is sent again if it changes, if Centra shows more, or after a day; what Centra does
    keep is applied."""
    shop = shop_with_stock(
        shop_of, size(1, physical=4, allocated=3), size(2, allocated=0), size(3, allocated=0),
        myogo=[held(1), held(2), held(3, stock=0)],
    )  # fmt: skip
    shop.box.switch("centra", **switches)
    report = stock(shop)
    kept = sum(amount != wanted for amount, wanted in zip(shown, [10, 10, 0], strict=True))
    counts = report.flows["stock"]
    assert (report.exit_code, counts["refused"], counts["applied"]) == (3, kept, 3 - kept)
    assert physical(shop, 1, 2, 3) == shown
    messages = [message for (message,) in shop.sql("select message from sync.journal where outcome = 'refused'")]
    assert len(messages) == kept
    assert messages[0].startswith(f"Centra shows {shown[0]} right after 10 was written.")
    assert all("Stock update type must be Physical" in one and "virtual warehouse" in one for one in messages)

    again = stock(shop)
    assert (again.exit_code, again.flows["stock"]["withheld"], len(writes(shop))) == (3, kept, 1)
    assert {row[1] for row in withheld(shop)} == {"STOCK-011"}
    shop.box.change_myogo_product("SKU1", stock=9)
    stock(shop)
    assert writes(shop)[1:] == [{"SKU1": 9}]
    shop.box.change_centra_row(1, physical=50)
    stock(shop)
    assert writes(shop)[2:] == [{"SKU1": 9}]

    shop.box.switch("centra", stock_update_type="physical", virtual_stock=0)
    assert stock(shop).exit_code == 3
    monkeypatch.setattr(stock_answers, "RETRY_AFTER", timedelta(0))
    assert stock(shop).exit_code == 0
    assert physical(shop, 1, 2, 3) == [9, 10, 0]
    assert shop.sql("select count(*) from sync.issues where rule = 'STOCK-011' and closed_at is null") == [(0,)]


@pytest.mark.parametrize("order", ["ean_upc_code", "code_ean_upc", "upc_code_ean"])
def test_amounts_reach_their_size_whatever_text_centra_prefers(shop_of: ShopOf, order: str) -> None:
    """Codes that are another size's EAN or UPC, and a size that only its UPC identifies."""
    shop = shop_with_stock(
        shop_of, size(1, sku="012345678905", ean="7350000000016"), size(2, upc="012345678905"),
        size(3, sku="7350000000023", upc="036000291452"), size(4, ean="7350000000023"),
        myogo=[{"code": "012345678905", "stock": 11}, held(2, stock=12), {"code": "7350000000023", "stock": 13},
               held(4, stock=14)],
    )  # fmt: skip
    shop.box.switch("centra", stock_product=order)
    assert (stock(shop).exit_code, physical(shop, 1, 2, 3, 4)) == (0, [11, 12, 13, 14])
    assert writes(shop) == [{"036000291452": 13, "7350000000016": 11, "SKU2": 12, "SKU4": 14}]


def test_a_bundle_is_refused_once(shop_of: ShopOf) -> None:
    """Its amount is sent again when it changes, and when a push names it; excluded, it is no matter any more."""
    shop = shop_with_stock(shop_of, *(size(n, allocated=0) for n in (1, 2)), myogo=[held(1), held(2)])
    shop.box.switch("centra", bundles=["SKU2"])
    report = stock(shop, force=True)
    assert (report.exit_code, report.flows["stock"]["refused"], writes(shop)) == (3, 1, [{"SKU1": 10, "SKU2": 10}])
    assert "[flows.products.select]" in shop.sql("select message from sync.journal where key = 'SKU2'")[0][0]
    for _ in range(2):
        report = stock(shop)
        assert (report.exit_code, report.flows["stock"]["unchanged"], len(writes(shop))) == (0, 2, 1)
        assert warned(shop) == [("SKU2", "STOCK-020")]
    shop.box.change_myogo_product("SKU2", stock=7)
    assert (stock(shop, force=True).exit_code, writes(shop)[1:]) == (3, [{"SKU2": 7}])
    assert stock(shop).exit_code == 0
    assert (stock(shop, sku=("SKU2",), force=True).exit_code, writes(shop)[2:]) == (3, [{"SKU2": 7}])
    shop.edit("[flows.stock.params]", '[flows.products.select]\nexclude = ["SKU2"]\n\n[flows.stock.params]')
    assert (stock(shop).exit_code, warned(shop)) == (0, [])


def test_a_bundle_that_became_a_product_is_written_when_it_is_named(shop_of: ShopOf) -> None:
    shop = shop_with_stock(shop_of, size(1, allocated=0), myogo=[held(1)])
    shop.box.switch("centra", bundles=["SKU1"])
    assert stock(shop, force=True).exit_code == 3
    shop.box.switch("centra", bundles=[])
    assert (stock(shop).exit_code, physical(shop, 1)) == (0, [5])
    assert (stock(shop, sku=("SKU1",), force=True).exit_code, physical(shop, 1)) == (0, [10])
    assert (stock(shop).exit_code, warned(shop)) == (0, [])
