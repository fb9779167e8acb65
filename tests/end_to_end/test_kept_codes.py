"""A size whose code was changed in Centra keeps its old product in myOGO: in all four flows, over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from pipelines.core.errors import ConfigError
from tests.support.shop import Shop, size
from tests.support.shop_helpers import held, withheld_rows_of

ShopOf = Callable[..., Shop]
DAY = datetime.now(UTC) - timedelta(days=3)
FLOWS = f"""
[flows.stock.params]
goods_received = true
[flows.stock.limits]
max_update_share = 1.0

[flows.orders.params]
starting = {DAY:%Y-%m-%d}
status   = "New"
test     = false

[flows.orders.params.shipping]
standard = "HOME"

[flows.tracking.params]
starting = {DAY:%Y-%m-%d}
"""
KEPT = '\n[flows.products.params.kept_codes]\n"NEW 1" = "OLD-1"\n'


@pytest.fixture
def renamed(shop_of: ShopOf) -> Shop:
    """OLD-1 was pushed; its size is now NEW 1. myOGO has 10 of it."""
    shop = shop_of(size(1, sku="OLD-1", physical=10, allocated=0), size(2, physical=10, allocated=0))
    assert shop.run(flows=("products",)).exit_code == 0
    for code in held(shop):
        shop.box.change_myogo_product(code, stock=10)
    shop.text += FLOWS
    shop.file.write_text(shop.text, "utf-8")
    shop.box.change_centra_row(1, sku="NEW 1", name="Parka 2")
    return shop


def keep(shop: Shop, text: str = KEPT) -> None:
    shop.text += text
    shop.file.write_text(shop.text, "utf-8")


def pairs(shop: Shop, **codes: str) -> None:
    keep(shop, "\n[flows.products.params.kept_codes]\n" + "".join(f'{new} = "{old}"\n' for new, old in codes.items()))


def sent_codes(shop: Shop) -> list[list[str]]:
    return [[line["code"] for line in sent["orderLines"]] for sent in shop.box.myogo_orders()]


def order(shop: Shop, code: str) -> dict[str, Any]:
    return shop.box.place_centra_order(lines=[{"code": code, "qty": 2, "price": 10}], paid=1)


def test_all_four_flows_go_on_with_the_old_product(renamed: Shop) -> None:
    shop = renamed
    order(shop, "NEW 1")
    assert shop.run().exit_code == 3
    assert {rule for _, rule, _ in withheld_rows_of(shop, "products")} == {"SKU-005"}
    assert shop.box.myogo_orders() == []

    keep(shop)
    report = shop.run()
    assert (report.exit_code, report.message) == (0, "")
    assert set(held(shop)) == {"OLD-1", "SKU2"}
    assert held(shop)["OLD-1"]["name"] == "Parka 2 Blue S"
    [sent] = shop.box.myogo_orders()
    assert [(line["code"], line["quantity"]) for line in sent["orderLines"]] == [("OLD-1", 2)]
    assert shop.sql("select source_id, key from sync.links where flow = 'products' order by 1")[0] == ("1", "OLD-1")

    shop.box.change_myogo_product("OLD-1", stock=7)
    assert shop.run().exit_code == 0
    assert shop.box.centra_row(1)["physical"] == 7
    shop.box.ship(sent["reference"], ["JJFI1"])
    report = shop.run()
    assert report.exit_code == 0
    assert report.flows["tracking"]["applied"] == 1, "what was shipped is what the shipment holds"
    report = shop.run()
    assert (report.exit_code, report.flows["products"]["unchanged"], report.flows["stock"]["update"]) == (0, 2, 0)
    assert shop.sql("select code, centra_code, in_myogo, size_count from v_products where stock_item_id = '1'") == [
        ("OLD-1", "NEW 1", True, 1)
    ]
    assert shop.sql("select count(*) from v_products") == [(2,)]
    assert shop.sql("select code from v_stock_side_by_side order by 1") == [("OLD-1",), ("SKU2",)]
    assert shop.sql("select distinct code from sync.stock_daily order by 1") == [("OLD-1",), ("SKU2",)]


def test_a_pair_has_no_effect_once_myogo_has_renamed_the_product(renamed: Shop) -> None:
    """No second product is ever made of it."""
    keep(renamed)
    assert renamed.run().exit_code == 0
    renamed.box.change_myogo_product("OLD-1", code="NEW 1")
    report = renamed.run()
    assert (report.exit_code, report.flows["products"]["create"]) == (0, 0)
    assert set(held(renamed)) == {"NEW 1", "SKU2"}
    assert renamed.sql("select source_id, key from sync.links where flow = 'products' order by 1")[0] == ("1", "NEW 1")


def test_an_old_code_that_another_size_has_taken_withholds_both(renamed: Shop) -> None:
    """Nobody can say whose goods they are; nothing is written and no order leaves."""
    keep(renamed)
    renamed.box.change_centra_row(2, sku="OLD-1")
    order(renamed, "NEW 1")
    assert renamed.run().exit_code == 3
    assert {(code, rule) for code, rule, _ in withheld_rows_of(renamed, "products")} >= {("OLD-1", "SKU-002")}
    assert renamed.box.myogo_orders() == []


@pytest.mark.parametrize("pattern", ["NEW*", "OLD*"])
def test_both_codes_select_the_size(renamed: Shop, pattern: str) -> None:
    keep(renamed)
    report = renamed.run("plan", sku=(pattern,), flows=("products",))
    assert (report.exit_code, report.flows["products"]["update"]) == (0, 1)
    keep(renamed, f'\n[flows.products.select]\nexclude = ["{pattern}"]\n')
    report = renamed.run("plan", flows=("products",))
    assert (report.flows["products"]["update"], report.flows["products"]["skipped"]) == (0, 1)


def test_a_size_that_was_renamed_twice_keeps_its_first_product(renamed: Shop) -> None:
    """Whether the second pair names the first code or the one in between. Orders of either time name that product."""
    order(renamed, "NEW 1")
    renamed.box.change_centra_row(1, sku="NEWEST")
    order(renamed, "NEWEST")
    pairs(renamed, **{"NEWEST": "NEW 1", '"NEW 1"': "OLD-1"})
    assert renamed.run().exit_code == 0
    assert sent_codes(renamed) == [["OLD-1"], ["OLD-1"]]
    assert set(held(renamed)) == {"OLD-1", "SKU2"}
    renamed.edit('NEWEST = "NEW 1"', 'NEWEST = "OLD-1"')
    report = renamed.run()
    assert (report.exit_code, report.flows["products"]["unchanged"]) == (0, 2)


def test_two_sizes_that_exchanged_their_codes_keep_their_products(renamed: Shop) -> None:
    renamed.box.change_centra_row(1, sku="SKU2")
    renamed.box.change_centra_row(2, sku="OLD-1")
    pairs(renamed, **{"SKU2": "OLD-1", "OLD-1": "SKU2"})
    renamed.box.change_myogo_product("OLD-1", stock=3)
    order(renamed, "OLD-1")
    assert renamed.run().exit_code == 0
    assert sent_codes(renamed) == [["SKU2"]]
    assert held(renamed)["OLD-1"]["name"] == "Parka 2 Blue S"
    assert [renamed.box.centra_row(number)["physical"] for number in (1, 2)] == [3, 10]


def test_a_pair_the_wrong_way_round_is_named(renamed: Shop) -> None:
    keep(renamed, '\n[flows.products.params.kept_codes]\n"OLD-1" = "NEW 1"\n')
    assert renamed.run().exit_code == 3
    [(rule, message)] = renamed.sql("select rule, message from sync.withheld")
    assert rule == "SKU-005"
    assert message.endswith("kept_codes has this pair the wrong way round.")


@pytest.mark.parametrize("lost", ["typing error", "deleted in myOGO"])
def test_a_pair_without_a_product_in_myogo_makes_no_second_product(renamed: Shop, lost: str) -> None:
    """Also if the channel has lost its data folder, so that nothing says how the size was sent. Without the pair, the
    size gets a product with its new code."""
    keep(renamed)
    renamed.run()
    if lost == "typing error":
        renamed.edit('= "OLD-1"', '= "OLD-l"')
    else:
        renamed.box.delete_myogo_product("OLD-1")
    before = set(held(renamed))
    shutil.rmtree(renamed.data)
    assert renamed.run().exit_code == 3
    assert withheld_rows_of(renamed, "products") == [("NEW 1", "SKU-006", "1")]
    assert set(held(renamed)) == before
    assert renamed.box.centra_row(1)["physical"] == 10
    renamed.edit("[flows.products.params]\n", '[flows.products.params]\naccept_as_new = ["NEW 1"]\n')
    renamed.run(flows=("products",))
    assert set(held(renamed)) == before | {"NEW 1"}


def test_a_pair_works_without_the_data_of_earlier_runs(renamed: Shop) -> None:
    """Also for the orders alone, which never read myOGO's list of products."""
    keep(renamed)
    order(renamed, "NEW 1")
    shutil.rmtree(renamed.data)
    assert renamed.run(flows=("orders",)).exit_code == 0
    assert sent_codes(renamed) == [["OLD-1"]]
    assert renamed.run().exit_code == 0
    assert set(held(renamed)) == {"OLD-1", "SKU2"}


def test_a_pair_holds_for_orders_and_stock_though_the_products_flow_is_switched_off(renamed: Shop) -> None:
    keep(renamed)
    assert renamed.run().exit_code == 0
    renamed.edit("[flows.products.params]\n", "[flows.products]\nenabled = false\n[flows.products.params]\n")
    order(renamed, "NEW 1")
    renamed.box.change_myogo_product("OLD-1", stock=3)
    assert renamed.run().exit_code == 0
    assert sent_codes(renamed) == [["OLD-1"]]
    assert renamed.box.centra_row(1)["physical"] == 3


@pytest.mark.parametrize("renamed_back", [False, True])
def test_another_size_with_one_of_the_two_codes_does_not_stop_the_stock(renamed: Shop, renamed_back: bool) -> None:
    """Both are withheld from myOGO, and the messages say why; the amount goes to the size whose goods they are."""
    keep(renamed)
    renamed.run()
    if renamed_back:
        renamed.box.change_centra_row(1, sku="OLD-1")
    renamed.box.add_centra_row(size(3, sku="NEW 1" if renamed_back else "OLD-1", allocated=0))
    renamed.box.change_myogo_product("OLD-1", stock=3)
    assert renamed.run().exit_code == 3
    assert [(rule, source_id) for _, rule, source_id in withheld_rows_of(renamed, "products")] == [
        ("SKU-002", "1"), ("SKU-002", "3"), ("SKU-005", "3"),
    ]  # fmt: skip
    assert withheld_rows_of(renamed, "stock") == []
    assert [renamed.box.centra_row(number)["physical"] for number in (1, 3)] == [3, 5]
    messages = " ".join(message for (message,) in renamed.sql("select message from sync.withheld"))
    assert "by kept_codes for 'NEW 1'" in messages
    assert "kept_codes gives 'NEW 1' the code 'OLD-1'" in messages or not renamed_back


def test_a_product_that_was_entered_by_hand_can_be_kept(shop_of: ShopOf) -> None:
    """EAN-005: no run has ever sent it, so that only the channel file can say that it is this size."""
    ean = "7350000000016"
    shop = shop_of(size(1, sku="NEW 1", ean=ean), myogo=[{"code": "HAND", "eanCode": ean, "stock": 4}])
    shop.text += FLOWS
    keep(shop, "")
    shop.run(flows=("products",))
    assert withheld_rows_of(shop, "products") == [("NEW 1", "EAN-005", "1")]
    keep(shop, KEPT.replace("OLD-1", "HAND"))
    assert shop.run().exit_code == 0
    assert {code: product["name"] for code, product in held(shop).items()} == {"HAND": "Parka Blue S"}
    assert shop.sql("select source_id, key from sync.links where flow = 'products'") == [("1", "HAND")]
    assert shop.box.centra_row(1)["physical"] == 4


def test_a_product_that_myogo_holds_twice_is_not_changed(renamed: Shop) -> None:
    keep(renamed)
    renamed.box.put_myogo_product({"code": "OLD-1", "name": "Copy", "languageCode": "en"}, allow_duplicate=True)
    order(renamed, "NEW 1")
    assert renamed.run().exit_code == 3
    assert ("OLD-1", "TGT-001", "1") in withheld_rows_of(renamed, "products")
    assert "Parka 2 Blue S" not in {product["name"] for product in renamed.box.myogo_products()}


@pytest.mark.parametrize("pair", ['"" = "OLD-1"', '"NEW 1" = ""', '"NEW 1" = 5'])
def test_a_pair_must_be_two_codes(renamed: Shop, pair: str) -> None:
    keep(renamed, f"\n[flows.products.params.kept_codes]\n{pair}\n")
    with pytest.raises(ConfigError, match="kept_codes"):
        renamed.channel()


def test_the_history_of_either_code_has_what_happened_under_both(renamed: Shop) -> None:
    """The products under the code in myOGO, the amounts under the one in Centra; also after an update of this program,
    when no run has written the table of the pairs yet."""
    keep(renamed)
    renamed.box.change_myogo_product("OLD-1", stock=3)
    renamed.run()

    def lines_of(code: str) -> list[str]:
        result = renamed.command("history", str(renamed.file), "--data", str(renamed.data), code)
        assert result.exit_code == 0
        return [line.replace("OLD-1  ", "").replace("NEW 1  ", "") for line in result.stdout.splitlines()]

    assert lines_of("OLD-1") == lines_of("NEW 1")
    assert sum("create applied" in line or "in Centra 10 -> 3" in line for line in lines_of("NEW 1")) == 2
    with duckdb.connect(str(renamed.data / "demo" / "analytics.duckdb")) as db:
        db.execute("drop table out_myogo.kept_codes cascade")
    assert "in Centra 10 -> 3" in lines_of("NEW 1")[1]


def test_reports_work_before_the_first_run_of_this_version(renamed: Shop) -> None:
    """A working file and a published file of a version without the table."""
    for name in ("analytics", "work"):
        with duckdb.connect(str(renamed.data / "demo" / f"{name}.duckdb")) as db:
            views = "select view_name from duckdb_views() where not internal and contains(sql, 'kept_codes')"
            for (view,) in db.execute(views).fetchall():
                db.execute(f"drop view {view}")
            db.execute("drop table out_myogo.kept_codes")
            if name == "work":
                db.execute("update sync.schema_version set declared = 'before'")
    report = renamed.command("report", str(renamed.file), "--data", str(renamed.data))
    assert (report.exit_code, report.stderr) == (0, "")
    keep(renamed)
    assert renamed.run().exit_code == 0
