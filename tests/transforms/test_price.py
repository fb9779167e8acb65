"""The price of a size in one currency, and the parsing of amounts."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.support.frames import plain_list, staged, texts
from tests.support.shop import euro, size
from transforms.price import is_price_jump, money, price_in, pricelist_of, without_float_residue


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("49.00", "49.0000"),
        ("49", "49.0000"),
        (" 49.00 ", "49.0000"),
        ("49.00\n", "49.0000"),
        ("0049.90", "49.9000"),
        ("+5", "5.0000"),
        ("-5", "-5.0000"),
        ("-0", "0.0000"),
        ("0.00", "0.0000"),
        (".5", "0.5000"),
        ("-.5", "-0.5000"),
        ("5.", "5.0000"),
        ("0.0001", "0.0001"),
        ("0.1", "0.1000"),
        ("1.00000000000000000000", "1.0000"),
        ("49.12340000000000000000", "49.1234"),
        ("12345678901234.5" + "0" * 30, "12345678901234.5000"),
        ("-1." + "0" * 80, "-1.0000"),
        ("99999999999999.9999", "99999999999999.9999"),
    ],
)
def test_money_parses_a_plain_number_exactly(text: str, expected: str) -> None:
    """If it fits into decimal(18, 4)."""
    value = money(texts([text]))[0]
    assert isinstance(value, Decimal)
    assert str(value) == expected


@pytest.mark.parametrize(
    "text",
    [
        "49,00", "1,234.00", "1 234", "1_234", "1e-5", "1e", "e2", "1e309", "NaN", "nan", "Infinity", "-inf", "0x10",
        "abc", "€49", "49 EUR", "--5", "+-5", "1.2.3", ".", "+", "-", "", " ", "49.00001", "0.12345678901234567890",
        "100000000000000", "9" * 40, "٤٩", "４９", "\ufeff49", "49\u200b", "4\n9", "None", "null", None,
    ],
)  # fmt: skip
def test_money_parses_nothing_else(text: str | None) -> None:
    """No commas, words or non-ASCII digits, and no number that would be rounded."""
    assert plain_list(money(texts([text]))) == [None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("49.899999999999999", "49.9"),  # 49.90 as a float with 17 digits
        ("49.90000000000000213162820728", "49.9"),
        ("0.1000000000000000055511151231257827", "0.1"),
        (" 1234.5600000000000591 ", "1234.56"),
        ("-19.989999999999998437", "-19.99"),
        ("12345678901234.5", "12345678901234.5"),
        ("99999999999999.9999", "99999999999999.9999"),
        ("49.12345678901234567", "49.12345678901234567"),
        ("49.8999", "49.8999"),
        ("1234567890.1234500001", "1234567890.1234500001"),  # five decimals are left
        ("99999999999999.99999", "100000000000000"),
        ("49.899999", "49.899999"),  # six decimals are not a float's residue
        ("49,899999999999999", "49,899999999999999"),
        ("4.9899999999999999e1", "4.9899999999999999e1"),
        ("", ""),
        (None, None),
    ],
)
def test_the_residue_of_a_float_is_taken_off(text: str | None, expected: str | None) -> None:
    """Only of a number with more than 15 significant digits that then has at most 4 decimals."""
    cleaned, other = plain_list(without_float_residue(texts([text, "5"]).set_axis([7, 3])))
    assert (cleaned and cleaned.rstrip("0") if "." in (cleaned or "") else cleaned, other) == (expected, "5")


def test_money_keeps_the_index() -> None:
    amount_texts = texts(["1", None, "x", "2.50"])
    amount_texts.index = [9, 9, 3, 1]
    amounts = money(amount_texts)
    assert plain_list(amounts) == [Decimal("1.0000"), None, None, Decimal("2.5000")]
    assert list(amounts.index) == [9, 9, 3, 1]


def test_money_of_an_empty_series_has_the_money_type() -> None:
    assert str(money(texts([])).dtype) == "decimal128(18, 4)[pyarrow]"


def _chosen(*entries: dict[str, Any], currency: str = "EUR", pricelist_id: str | None = None) -> list[Any] | None:
    """The price, its list and the number of lists with an amount; None if the size has no price."""
    _, prices = staged(size(1, prices=list(entries)))
    follow = pricelist_id or pricelist_of(prices, currency)
    priced = price_in(prices, currency, follow)
    return [priced["price_text"]["1"], follow, priced["pricelists"]["1"]] if len(priced) else None


def test_the_entry_with_the_currency_is_chosen() -> None:
    assert _chosen(euro("9.00", "35", currency="GBP"), euro("10.00")) == ["10.00", "36", 1]


@pytest.mark.parametrize("currency", ["EUR", "eur", "Eur", " EUR "])
def test_the_currency_matches_in_any_case(currency: str) -> None:
    """In Centra's rows and in the channel file."""
    assert _chosen(euro("10.00", currency=currency)) == ["10.00", "36", 1]
    assert _chosen(euro("10.00", currency="EUR"), currency=currency.strip()) == ["10.00", "36", 1]


@pytest.mark.parametrize("currency", ["SEK", "EURO", "EU", "", None], ids=["SEK", "EURO", "EU", "empty", "null"])
def test_an_entry_with_another_currency_is_not_chosen(currency: str | None) -> None:
    """Not even if the name of the list contains the currency."""
    assert _chosen(euro("10.00", pricelist="EUR Europe", currency=currency)) is None


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param(["36", "9"], "9", id="9 before 36"),
        pytest.param([36, 9], "9", id="as numbers"),
        pytest.param(["100", "20", "3"], "3", id="three lists"),
        pytest.param(["vip", "36"], "36", id="a number before a word"),
        pytest.param(["b", "a"], "a", id="words by letters"),
        pytest.param(["-1", "36"], "36", id="minus is no id"),
        pytest.param(["1" * 20, "36"], "36", id="absurd id last"),
        pytest.param(["1" * 16, "36"], "36", id="16 digits"),
        pytest.param([None, "36"], "36", id="a list without an id last"),
    ],
)
def test_of_several_lists_the_lowest_id_is_chosen(ids: list[Any], expected: str) -> None:
    """In numeric order, for any order of the entries."""
    entries = [euro(f"{index}.50", pricelist_id) for index, pricelist_id in enumerate(ids)]
    price = f"{[str(pricelist_id) for pricelist_id in ids].index(expected)}.50"
    assert _chosen(*entries) == [price, expected, len(ids)]
    assert _chosen(*reversed(entries)) == [price, expected, len(ids)]


def test_without_prices_there_is_no_list() -> None:
    assert pricelist_of(staged(size(1, prices=[]))[1], "EUR") is None


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([euro(None, "36"), euro("19.9", "40")], id="amount null"),
        pytest.param([euro("", "36"), euro("1.00", "37"), euro("2.00", "40")], id="amount empty"),
        pytest.param([euro("  ", "36"), euro(0, "40")], id="amount blank, the other one zero"),
    ],
)
def test_a_list_without_an_amount_is_not_replaced(entries: list[dict[str, Any]]) -> None:
    """A price that was deleted must not become that of the staff."""
    assert _chosen(*entries) is None
    assert _chosen(*reversed(entries)) is None


def test_all_sizes_follow_one_list() -> None:
    """A size that only other lists have has no price, also if the list would be the lowest one of that size."""
    _, prices = staged(
        size(1, prices=[euro("1.00", "36"), euro("2.00", "40")]),
        size(2, prices=[euro("3.00", "40")]),
        size(3, prices=[euro("4.00", "41"), euro("5.00", "36")]),
        size(4, prices=[euro("6.00", "9", currency="SEK")]),
    )
    assert pricelist_of(prices, "EUR") == "36"
    assert price_in(prices, "EUR", "36")["price_text"].to_dict() == {"1": "1.00", "3": "5.00"}


def test_the_configured_list_is_chosen() -> None:
    assert _chosen(euro("1.00", "9"), euro("2.00", "36"), pricelist_id="36") == ["2.00", "36", 2]


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([euro("1.00", "9"), euro(None, "36")], id="no amount in it"),
        pytest.param([euro("7.00", "5"), euro("8.00", "6")], id="on other lists only"),
        pytest.param([euro("7.00", "5")], id="on one other list only"),
        pytest.param([euro("1.00", "9"), euro("2.00", "36", currency="SEK")], id="of another currency"),
    ],
)
def test_a_configured_list_is_not_replaced(entries: list[dict[str, Any]]) -> None:
    """After a typing error in the id, or for a product removed from the list, no other list's price must be sent."""
    assert _chosen(*entries, pricelist_id="36") is None


def _second(*entries: dict[str, Any]) -> list[Any]:
    _, prices = staged(size(1, prices=list(entries)))
    priced = price_in(prices, "EUR", "36")
    return [priced["price_text"]["1"], plain_list(priced["second_price_text"])[0]]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([euro("329"), euro("299")], ["329", "299"], id="two amounts"),
        pytest.param([euro("299.00"), euro(329), euro("299")], ["299.00", "329"], id="three entries"),
        pytest.param([euro("49,00"), euro("49.00")], ["49,00", "49.00"], id="one is no number"),
        pytest.param([euro("1.00"), euro("1.00", currency="SEK"), euro("2.00")], ["1.00", "2.00"], id="other currency"),
        pytest.param([euro("329"), euro("329.00")], ["329", None], id="the same amount"),
        pytest.param([euro(None), euro("329"), euro(" ")], ["329", None], id="one amount"),
        pytest.param([euro("329"), euro("299", "40")], ["329", None], id="two lists"),
        pytest.param([euro("x"), euro(" x ")], ["x", None], id="the same word"),
        pytest.param([euro("49.9"), euro("49.899999999999999")], ["49.9", None], id="a float's residue"),
    ],
)
def test_a_second_amount_in_the_list(entries: list[dict[str, Any]], expected: list[Any]) -> None:
    assert _second(*entries) == expected


@pytest.mark.parametrize(
    ("price", "text"),
    [
        pytest.param(100, "100", id="number"),
        pytest.param("329.00", "329.00", id="text"),
        pytest.param(" 5 ", " 5 ", id="as Centra sent it"),
        pytest.param("abc", "abc", id="word"),
        pytest.param(0, "0", id="zero"),
        pytest.param(None, None, id="null"),
        pytest.param("", None, id="empty"),
        pytest.param("  ", None, id="blank"),
        pytest.param([], None, id="empty map"),
    ],
)
def test_price_text_is_the_amount_as_sent(price: object, text: str | None) -> None:
    """Null, empty and blank are no price."""
    assert _chosen(euro(price)) == (None if text is None else [text, "36", 1])


def test_a_missing_price_is_no_price() -> None:
    entry = euro("1.00")
    del entry["price"]
    assert _chosen(entry) is None


def test_a_campaign_is_never_used() -> None:
    """Not even if the list has no amount."""
    campaign = [{"id": "40", "campaign": "Outlet", "price": 1.5}]
    assert _chosen(euro("329.00", campaigns=campaign)) == ["329.00", "36", 1]
    assert _chosen(euro(None, campaigns=campaign)) is None


def test_each_size_has_its_own_price() -> None:
    _, prices = staged(
        size(7, prices=[euro("7.00", "9")]), size(8, prices=[]), size(10, prices=[euro("10.00"), euro("9.00", "9")])
    )
    priced = price_in(prices, "EUR", "9")
    assert priced["price_text"].to_dict() == {"7": "7.00", "10": "9.00"}
    assert priced["pricelists"].to_dict() == {"7": 1, "10": 2}


def test_a_list_without_an_id_is_the_only_list() -> None:
    """Its amounts are used, and it counts as one list."""
    assert _chosen(euro("1.00", None), euro("2.00", None)) == ["1.00", "", 1]


@pytest.mark.parametrize(
    ("old", "new", "jump"),
    [("10", "20", False), ("20", "10", False), ("10", "20.01", True), ("20.01", "10", True), ("0", "1", True),
     ("1", "0", True), ("0", "0", False), ("-1", "1", True)],
)  # fmt: skip
def test_a_price_that_changes_by_more_than_a_factor_jumps(old: str, new: str, jump: bool) -> None:
    assert is_price_jump(Decimal(old), Decimal(new), Fraction(2)) == jump
