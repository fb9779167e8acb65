"""The euro price of a size, and what counts as a number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.frames import plain_list, staged, texts
from tests.support.shop import euro, size
from transforms.price import money, price_in


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
def test_money_is_exact(text: str, expected: str) -> None:
    """A plain number that fits keeps its value to the last digit."""
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
def test_money_is_nothing_else(text: str | None) -> None:
    """No comma, word, foreign digit, and nothing that would have to be rounded."""
    assert plain_list(money(texts([text]))) == [None]


def test_money_keeps_its_rows() -> None:
    given = texts(["1", None, "x", "2.50"])
    given.index = [9, 9, 3, 1]
    amounts = money(given)
    assert plain_list(amounts) == [Decimal("1.0000"), None, None, Decimal("2.5000")]
    assert list(amounts.index) == [9, 9, 3, 1]


def test_money_of_no_rows() -> None:
    assert str(money(texts([])).dtype) == "decimal128(18, 4)[pyarrow]"


def _chosen(*entries: dict[str, Any], currency: str = "EUR", pricelist_id: str | None = None) -> list[Any] | None:
    """Price, list and number of lists that the rule finds; None where it finds no entry."""
    _, prices = staged(size(1, prices=list(entries)))
    found = price_in(prices, currency, pricelist_id)
    return plain_list(found.loc["1"]) if len(found) else None


def test_the_one_entry_of_the_currency() -> None:
    assert _chosen(euro("9.00", "35", currency="GBP"), euro("10.00")) == ["10.00", "36", 1]


@pytest.mark.parametrize("currency", ["EUR", "eur", "Eur", " EUR "])
def test_the_currency_in_any_case(currency: str) -> None:
    """On the wire as well as in the channel file."""
    assert _chosen(euro("10.00", currency=currency)) == ["10.00", "36", 1]
    assert _chosen(euro("10.00", currency="EUR"), currency=currency.strip()) == ["10.00", "36", 1]


@pytest.mark.parametrize("currency", ["SEK", "EURO", "EU", "", None], ids=["SEK", "EURO", "EU", "empty", "null"])
def test_another_currency_is_none(currency: str | None) -> None:
    """Nor does the list's name make it one."""
    assert _chosen(euro("10.00", pricelist="EUR Europe", currency=currency)) is None


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param(["36", "9"], "9", id="9 before 36"),
        pytest.param([36, 9], "9", id="as numbers"),
        pytest.param(["100", "20", "3"], "3", id="three lists"),
        pytest.param(["vip", "36"], "36", id="a number before a word"),
        pytest.param(["b", "a"], "a", id="words by letters"),
        pytest.param([None, "36"], "36", id="null id last"),
        pytest.param(["-1", "36"], "36", id="minus is no id"),
        pytest.param(["1" * 20, "36"], "36", id="absurd id last"),
    ],
)
def test_of_several_lists_the_lowest_number(ids: list[Any], expected: str) -> None:
    """In the order of numbers, whatever the order on the wire."""
    entries = [euro(f"{index}.50", own) for index, own in enumerate(ids)]
    price = f"{[str(own) for own in ids].index(expected)}.50"
    assert _chosen(*entries) == [price, expected, len(ids)]
    assert _chosen(*reversed(entries)) == [price, expected, len(ids)]


def test_an_entry_without_a_list_goes_before_one_whose_id_is_a_word() -> None:
    """Whatever the order on the wire."""
    entries = [euro("1.00", "A"), euro("2.00", None)]
    assert _chosen(*entries) == _chosen(*reversed(entries)) == ["2.00", None, 2]


def test_the_configured_list_goes_first() -> None:
    assert _chosen(euro("1.00", "9"), euro("2.00", "36"), pricelist_id="36") == ["2.00", "36", 1]


def test_a_configured_list_without_amount_is_not_replaced() -> None:
    """Nobody chose the other list for this size."""
    assert _chosen(euro("1.00", "9"), euro(None, "36"), pricelist_id="36") is None


def test_a_configured_list_that_none_of_several_is_means_no_price() -> None:
    """A mistyped id, or a product taken off the list, must not send the price of whichever list comes first."""
    assert _chosen(euro("7.00", "5"), euro("8.00", "6"), pricelist_id="99") is None


def test_an_empty_list_does_not_hide_one_with_an_amount() -> None:
    assert _chosen(euro(None, "2"), euro("8", "3")) == ["8", "3", 1]


def test_a_configured_list_of_another_currency_counts_for_nothing() -> None:
    assert _chosen(euro("1.00", "9"), euro("2.00", "36", currency="SEK"), pricelist_id="36") == ["1.00", "9", 1]


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
def test_price_as_text(price: object, text: str | None) -> None:
    """`price_text` is what was sent; null, empty and blank are no price at all."""
    assert _chosen(euro(price)) == (None if text is None else [text, "36", 1])


def test_a_missing_price_is_no_price() -> None:
    entry = euro("1.00")
    del entry["price"]
    assert _chosen(entry) is None


def test_a_campaign_is_never_used() -> None:
    """Not even where the list itself has no amount."""
    campaign = [{"id": "40", "campaign": "Outlet", "price": 1.5}]
    assert _chosen(euro("329.00", campaigns=campaign)) == ["329.00", "36", 1]
    assert _chosen(euro(None, campaigns=campaign)) is None


def test_one_list_twice_is_one_list() -> None:
    """The first entry of it is taken."""
    assert _chosen(euro("1.00"), euro("2.00")) == ["1.00", "36", 1]


def test_each_size_has_its_own_price() -> None:
    _, prices = staged(
        size(7, prices=[euro("7.00")]), size(8, prices=[]), size(10, prices=[euro("10.00"), euro("9.00", "9")])
    )
    found = price_in(prices, "EUR", None)
    assert found["price_text"].to_dict() == {"7": "7.00", "10": "9.00"}
    assert found["pricelists"].to_dict() == {"7": 1, "10": 2}
