"""What plan and push print: one screen, worst first, in words and amounts that people read, and the next command."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.test_orders import TABLE as ORDERS
from tests.support.shop import Shop, euro, expecting, product, size
from tests.support.shop_helpers import FOREVER

ShopOf = Callable[..., Shop]


def printed(shop: Shop, verb: str, *words: str) -> str:
    return str(shop.command(verb, str(shop.file), "--data", str(shop.data), *words).stdout)


@pytest.mark.parametrize("limit", [None, "max_creates      = 5"], ids=["fine", "refused"])
def test_a_plan_of_the_sample_fits_on_one_screen(shop: Shop, limit: str | None) -> None:
    """Also one that a limit refuses. Its last lines say what would happen and how to do exactly that."""
    expecting(shop)
    if limit:
        shop.edit("max_creates      = 5000", limit)
    text = printed(shop, "plan")
    lines = [line for line in text.splitlines() if line]
    assert len(lines) <= 40, text
    if limit:
        assert "max_creates" in text
        assert "Apply exactly this" not in text
        return
    fingerprint = re.findall(r"Plan ([0-9a-f]{16})", text)[0]
    steps = text[text.index("2,715 to create, 42 to update; 114 withheld, 114 new.") :]
    assert f"centra-myogo push {shop.file} --data {shop.data} --expect {fingerprint}" in steps
    assert f"centra-myogo report {shop.file} --data {shop.data} --html plan.html" in steps


def test_the_time_of_a_push_follows_from_the_rate(shop_of: ShopOf) -> None:
    """Two requests for each product."""
    shop = shop_of(*(size(n) for n in range(1, 31)))
    shop.edit("requests_per_second = 1000.0", "requests_per_second = 0.5")
    shop.edit("max_in_flight       = 4", "max_in_flight       = 4\nattempts = 1")
    shop.box.clear_requests()
    assert "Applying takes about 2 min at 0.5 requests a second." in printed(shop, "plan")


@pytest.fixture
def edited(shop_of: ShopOf) -> Shop:
    """Prices, names and brands that changed since myOGO got them, and new sizes."""
    prices = {1: "149.90", 2: "10.00", 3: "4.00", 4: "11.00"}
    changed = [size(n, brand="Acme" if n < 4 else "Zeta", prices=[euro(prices[n])]) for n in prices]
    new = [size(n, brand="Nova") for n in range(10, 15)]
    held = [product(n, supplier="Acme" if n < 4 else "Zeta") for n in prices]
    held[1] |= {"name": "Old name"}
    held[3] |= {"name": "Old name"}
    return shop_of(*changed, *new, myogo=held)


def test_the_largest_price_changes_and_the_brands_stand_first(edited: Shop) -> None:
    text = printed(edited, "plan")
    jumps = text[text.index("Largest changes of the price") : text.index("To create")]
    assert "SKU1  Parka Blue S  10.00 EUR -> 149.90 EUR" in jumps
    assert "SKU3  Parka Blue S  10.00 EUR -> 4.00 EUR" in jumps
    brands = [line.split() for line in text[text.index("Brand") :].splitlines()[1:4]]
    assert brands == [["Nova", "5", "0"], ["Acme", "0", "3"], ["Zeta", "0", "1"]]


def test_a_change_has_a_line_per_field(edited: Shop) -> None:
    text = printed(edited, "plan", "--all")
    assert "  SKU2  Parka Blue S  name Old name -> Parka Blue S\n" in text
    assert "  SKU4  Parka Blue S\n      name Old name -> Parka Blue S\n      price 10.00 EUR -> 11.00 EUR\n" in text
    assert text.count("  10.00 EUR\n") == 5, "every new size, with its price"


@pytest.mark.parametrize(("words", "creates"), [((), 2), (("--show", "4"), 4), (("--show", "0"), 0), (("--all",), 5)])
def test_how_many_changes_are_shown(edited: Shop, words: tuple[str, ...], creates: int) -> None:
    text = printed(edited, "plan", *words)
    assert len(re.findall(r"^  SKU1\d  Parka Blue S  10.00 EUR$", text, re.MULTILINE)) == creates
    assert ("of which" in text) == (creates < 5)


def test_a_push_prints_changes_only_if_asked(edited: Shop) -> None:
    assert "To create" not in printed(edited, "push")
    edited.box.add_centra_row(size(20))
    assert "To create  1" in printed(edited, "push", "--all")


def test_an_order_is_shown_as_people_read_it(shop_of: ShopOf) -> None:
    shop = shop_of(size(1, physical=10, allocated=0), size(2, physical=10, allocated=0),
                   myogo=[{"code": f"SKU{n}", "stock": 10} for n in (1, 2)])  # fmt: skip
    shop.text += ORDERS.replace("test     = false", "test     = false\ncapture = true")
    shop.file.write_text(shop.text)
    lines = [{"code": "SKU1", "qty": 1, "price": 169.30}, {"code": "SKU2", "qty": 2, "price": 169.30}]
    shop.box.place_centra_order(lines=lines)
    text = printed(shop, "plan", "--flow", "orders")
    assert "demo-1001-1  " in text, text
    line = next(line for line in text.splitlines() if "demo-1001-1  " in line)
    assert re.search(r"2 lines, 3 units, \d+\.\d+ EUR, HOME, real order, payment will be captured$", line), line
    assert re.search(r"\n      1 x SKU1, 169\.30? each\n      2 x SKU2, 169\.30? each\n", text), text
    assert "--flow orders" in text[text.index("Apply exactly this") :]


def test_stock_lines_have_names(shop_of: ShopOf) -> None:
    shop = shop_of(size(1, physical=3, allocated=0), myogo=[product(1, stock=9)])
    shop.text += "\n[flows.stock.params]\ngoods_received = true\n"
    shop.file.write_text(shop.text)
    assert "  SKU1  Parka Blue S  in Centra 3 -> 9\n" in printed(shop, "plan", "--flow", "stock")


def test_the_first_refused_rows_are_named_and_all_are_counted(shop_of: ShopOf) -> None:
    shop = shop_of(*(size(n) for n in range(1, 9)))
    shop.box.add_fault(side="myogo", kind="status", status=400, method="POST", path="/api/v1/products", times=FOREVER)
    text = printed(shop, "push")
    assert len(re.findall(r"^  refused create SKU\d: ", text, re.MULTILINE)) == 5
    assert re.search(r"! refused 8: SKU\d, SKU\d, .* and \d+ more", text), text


def test_json_can_have_every_change_and_withheld_row(shop_of: ShopOf) -> None:
    shop = shop_of(size(1), size(2, prices=[]), size(3, prices=[euro("20.00")]), myogo=[product(3)])
    document = shop.json("push", "--changes")
    by_key = {change["key"]: change for change in document["changes"]}
    assert [by_key[key]["action"] for key in ("SKU1", "SKU3")] == ["create", "update"]
    assert (by_key["SKU3"]["before"], by_key["SKU3"]["after"]) == ({"sales_price": 10.00}, {"sales_price": 20.00})
    assert {change["outcome"] for change in document["changes"]} == {"applied"}
    (withheld,) = document["withheld"]
    assert (withheld["code"], withheld["rule"], withheld["flow"]) == ("SKU2", "PRICE-001", "products")
    assert withheld["fix"]
    assert "changes" not in shop.json("plan")


def test_progress_goes_to_stderr(shop_of: ShopOf) -> None:
    shop = shop_of(size(1), size(2))
    result = shop.command("plan", str(shop.file), "--data", str(shop.data))
    assert "Read Centra 4 rows, myOGO 0 rows in 0 s" in result.stderr
    assert "Read Centra" not in result.stdout


def test_a_new_data_folder_is_named_once(shop_of: ShopOf) -> None:
    shop = shop_of(size(1))
    notice = f"New data folder {shop.data / 'demo'}: this channel has no history here."
    assert notice in printed(shop, "plan")
    assert notice not in printed(shop, "plan")


@pytest.mark.parametrize("fingerprint", ["deadbeef", "DEADBEEFDEADBEEF", "", "deadbeefdeadbeef0"])
def test_a_fingerprint_that_cannot_be_one_is_refused_before_anything_is_read(shop_of: ShopOf, fingerprint: str) -> None:
    shop = shop_of(size(1))
    result = shop.command("push", str(shop.file), "--expect", fingerprint)
    assert (result.exit_code, shop.box.requests()) == (2, [])
    assert "plan prints it" in result.stderr


def test_a_live_read_shows_rows_and_totals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal, a line now and then."""
    from pipelines.reports import progress

    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.01)
    shown = progress.RunProgress({"a": "Alpha", "b": "Beta"}.__getitem__)
    counts: dict[str, Any] = {"a": lambda: 1200, "b": lambda: 7}
    with shown.reading(counts, {"a": 5000}):
        _wait_for_text(capsys, "reading: Alpha 1,200 of about 5,000, Beta 7 rows")
    assert "Read Alpha 1,200 rows, Beta 7 rows in 0 s" in capsys.readouterr().err


def _wait_for_text(capsys: pytest.CaptureFixture[str], text: str) -> None:
    from tests.support.waiting import wait_for

    seen: list[str] = []

    def has_come() -> bool:
        seen.append(capsys.readouterr().err)
        return text in "".join(seen)

    wait_for(has_come)


def test_the_report_in_the_terminal_names_what_was_refused_and_withheld(shop_of: ShopOf) -> None:
    shop = shop_of(*(size(n) for n in range(1, 9)), *(size(n, prices=[]) for n in range(20, 28)))
    shop.box.add_fault(side="myogo", kind="status", status=400, method="POST", path="/api/v1/products", times=FOREVER)
    printed(shop, "push")
    text = printed(shop, "report")
    assert len(re.findall(r"^  refused by myOGO: create SKU\d: ", text, re.MULTILINE)) == 5
    assert "  and 3 more\n" in text
    assert "    SKU20, SKU21, SKU22, SKU23, SKU24 and 3 more\n" in text
