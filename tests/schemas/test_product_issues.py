"""The issues that withhold rows and the warnings about rows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from schemas.issues import COLUMNS
from schemas.products.issues import unmatched, warnings, withheld
from tests.support.declared import RULES
from tests.support.frames import held, issues, plain_list, products, staged, warned
from tests.support.shop import euro, size
from transforms.products import Params, to_myogo

EAN = "7350000000016"
VALID: dict[str, Any] = {"ean": EAN}


def _rules(lines: pd.DataFrame) -> list[tuple[str | None, str]]:
    return sorted(zip(plain_list(lines["source_id"]), lines["rule"], strict=True), key=str)


def _messages(lines: pd.DataFrame, rule: str) -> list[str]:
    return list(lines.loc[lines["rule"] == rule, "message"])


# Withheld


@pytest.mark.parametrize(
    ("rule", "fields", "column", "value", "message"),
    [
        ("SKU-001", {"sku": "", "variantSku": None}, "code", "", "all empty"),
        ("SKU-003", {"sku": "A/B"}, "code", "A/B", "'A/B'"),
        ("PRICE-001", {"prices": []}, "price_text", None, "No EUR price in price list 36. No price at all."),
        ("PRICE-001", {"prices": None}, "price_text", None, "No EUR price in price list 36. No price at all."),
        ("PRICE-002", {"prices": [euro("49,00")]}, "price_text", "49,00", "'49,00'"),
        ("PRICE-002", {"prices": [euro(0)]}, "price_text", "0", "'0'"),
        (
            "PRICE-005",
            {"prices": [euro("329"), euro("299")]},
            "price_text",
            "329",
            "Price list 36 has two EUR prices: '329' and '299'.",
        ),
        ("NAME-001", {"name": "", "product": " "}, "name", None, "neither name nor product"),
        ("COO-001", {"countryOfOrigin": "prt"}, "country_of_origin", "PRT", "'PRT'"),
        (
            "COO-001",
            {"countryOfOrigin": "uk"},
            "country_of_origin",
            "UK",
            "'UK' is not a country code of ISO 3166-1; GB ",
        ),
        ("COO-001", {"countryOfOrigin": "EL"}, "country_of_origin", "EL", "; GR probably is."),
        ("COO-001", {"countryOfOrigin": "QQ"}, "country_of_origin", "QQ", "ISO 3166-1."),
    ],
)
def test_a_withheld_row_is_reported_with_column_value_and_fix(
    rule: str, fields: dict[str, Any], column: str, value: str | None, message: str
) -> None:
    """And with its size, its message and where to fix it."""
    lines = issues(size(1), size(2, **fields))
    issue = lines.iloc[0]
    assert _rules(lines) == [("2", rule)]
    assert (issue["field"], plain_list(lines["value"])) == (column, [value])
    assert message in issue["message"]
    assert (issue["fix"], issue["fix_in"]) == (RULES[rule].fix, RULES[rule].fix_in)
    assert issue["key"] == issue["code"]
    assert issue["row"] == 1


def test_an_empty_result_has_all_columns() -> None:
    assert list(issues(size(1)).columns) == [*COLUMNS, "row"]
    assert len(issues()) == 0


def test_an_invalid_language_names_its_store() -> None:
    sizes, prices = staged(size(1, store="Import"), size(2))
    transformed = to_myogo(sizes, prices, Params(language_by_store={"Import": "swe"}))
    lines = withheld(transformed, prices, held(), "EUR", False)
    assert _rules(lines) == [("1", "LANG-001")]
    assert "'swe'" in lines["message"][0]
    assert "Import" in lines["message"][0]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param([euro("9", "1", currency="SEK"), euro("9", "2", currency="GBP", pricelist="GBP")],
                     "No EUR price. Found GBP (list 2), SEK (list 1, EUR).", id="other currencies, sorted"),
        pytest.param([euro("9", "1", currency="SEK"), euro("8", "2", currency="SEK")],
                     "No EUR price. Found SEK (list 1, EUR), SEK (list 2, EUR).", id="two lists of one"),
        pytest.param([euro(None), euro("9", "1", currency="SEK")],
                     "No EUR price in price list 36. Found SEK (list 1, EUR). "
                     "Without an amount: EUR (list 36).", id="amount null"),
        pytest.param([euro(" ")], "No EUR price in price list 36. No list has an amount. "
                     "Without an amount: EUR (list 36).", id="amount blank"),
        pytest.param([euro("9", currency=None)], "No EUR price. Found no currency (list 36, EUR).",
                     id="no currency"),
        pytest.param([euro(None), euro("19.9", "40", pricelist="Staff")],
                     "No EUR price in price list 36. Found EUR (list 40, Staff). "
                     "Without an amount: EUR (list 36).", id="only the staff has a price"),
    ],
)  # fmt: skip
def test_a_missing_price_lists_the_currencies_found(entries: list[dict[str, Any]], message: str) -> None:
    assert _messages(issues(size(1, prices=entries)), "PRICE-001") == [message]


def test_a_missing_price_lists_only_currencies_of_its_size() -> None:
    """Not those of the other size."""
    lines = issues(size(1, prices=[euro("9", currency="SEK")]), size(2, prices=[euro("9", currency="GBP")]))
    assert [re.findall("GBP|SEK", message) for message in lines["message"]] == [["SEK"], ["GBP"]]


def test_a_zero_price_passes_if_it_is_allowed() -> None:
    assert _rules(issues(size(1, prices=[euro(0)]), size(2, prices=[euro("-1")]), zero=True)) == [("2", "PRICE-002")]


def test_a_clash_names_the_other_size() -> None:
    """With id and name, and "inactive" for an inactive size."""
    lines = issues(size(1, sku="A", variantSku="BC", name="Coat"), size(2), size(3, sku="AB", variantSku="C", active=0))
    assert _messages(lines, "SKU-002") == [
        "The code 'ABC' is shared with size 3 (Parka Blue S, inactive).",
        "The code 'ABC' is shared with size 1 (Coat Blue S).",
    ]


def test_a_clash_with_a_size_without_a_name_is_reported() -> None:
    lines = issues(size(1, sku="A"), size(2, sku="A", name="", product=""))
    assert "size 2 (no name)" in _messages(lines, "SKU-002")[0]


@pytest.mark.parametrize("count", [2, 5, 6, 7])
def test_a_clash_names_at_most_five_other_sizes(count: int) -> None:
    """And counts the others; no message names its own size."""
    lines = issues(*(size(n, sku="SAME") for n in range(1, count + 1)))
    assert len(lines) == count
    for source_id, message in zip(lines["source_id"], lines["message"], strict=True):
        named = re.findall(r"size (\d+)", message)
        more = re.search(r"and (\d+) more", message)
        assert len(named) == min(count - 1, 5)
        assert source_id not in named
        assert len(named) + (int(more[1]) if more else 0) == count - 1


def _growth(work: Callable[[int], None]) -> float:
    """How many times the CPU seconds for ten times the rows: 10 for a linear cost, 100 for a quadratic one."""
    seconds = []
    for count in (500, 5000):
        started = time.process_time()
        work(count)
        seconds.append(time.process_time() - started)
    return seconds[1] / seconds[0]


def test_the_cost_of_one_code_for_all_sizes_grows_linearly() -> None:
    def work(count: int) -> None:
        rows = [size(n, sku="SAME", ean=EAN) for n in range(count)]
        lines = issues(*rows)
        assert len(lines) == count
        assert max(lines["message"].str.len()) < 300
        assert len(_messages(warned(*rows), "EAN-003")) == count

    assert _growth(work) < 40


def test_the_cost_of_many_clashes_and_missing_prices_grows_linearly() -> None:
    """A wrong currency in the channel file affects every row, and must not take minutes to report."""

    def work(count: int) -> None:
        lines = issues(*(size(n, sku=f"K{n // 2}") for n in range(count)), currency="SEK")
        assert lines["rule"].value_counts().to_dict() == {"SKU-002": count, "PRICE-001": count}

    assert _growth(work) < 40


def test_a_row_that_breaks_two_rules_has_two_issues() -> None:
    lines = issues(size(1), size(2, prices=[], countryOfOrigin="X"))
    assert _rules(lines) == [("2", "COO-001"), ("2", "PRICE-001")]
    assert list(lines["row"]) == [1, 1]
    assert dict(zip(lines["rule"], plain_list(lines["value"]), strict=True)) == {"COO-001": "X", "PRICE-001": None}


def test_a_code_that_myogo_holds_several_times_is_withheld() -> None:
    """The message has the number of products."""
    live = held({"code": "SKU1"}, {"code": "SKU1"}, {"code": "SKU1"}, {"code": "SKU2"})
    lines = issues(size(1), size(2), live=live)
    assert _rules(lines) == [("1", "TGT-001")]
    assert lines["message"][0] == "myOGO holds 3 products with the code 'SKU1'."


def test_withheld_and_warnings_do_not_change_their_input_frames() -> None:
    sizes, prices = staged(size(1, prices=[], ean=EAN), size(2, sku="SKU1", ean=EAN))
    transformed, live = to_myogo(sizes, prices, Params()), held({"code": "SKU1", "eanCode": "1"}, {"code": "XX-1"})
    before = transformed.copy(), prices.copy(), live.copy()
    withheld(transformed, prices, live, "EUR", False)
    warnings(transformed, transformed["active"], live, None)
    for frame, copy in zip((transformed, prices, live), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


# Warnings


def test_a_clean_catalogue_has_no_warning() -> None:
    """Whether myOGO holds its products or not."""
    rows = [size(1, ean=EAN), size(2, ean="7350000000023")]
    assert len(warned(*rows)) == 0
    assert len(warned(*rows, live=held({"code": "SKU1", "eanCode": EAN}, {"code": "SKU2"}))) == 0
    assert list(warned(*rows).columns) == COLUMNS


@pytest.mark.parametrize(
    ("rule", "fields", "column", "message"),
    [
        ("EAN-001", {"ean": "", "upc": None}, "ean_code", "No EAN."),
        ("EAN-001", {"ean": " "}, "ean_code", "No EAN."),
        ("EAN-002", {"ean": "7350000000017"}, "ean_code", "'7350000000017' has a wrong check digit: it is not sent"),
        ("EAN-002", {"ean": "StockTestEAN"}, "ean_code", "'StockTestEAN' is no barcode: it is not sent."),
        ("EAN-002", {"ean": "0000000000000"}, "ean_code", "'0000000000000' is no barcode: it is not sent."),
        ("EAN-002", {"ean": "1233421127"}, "ean_code", "is not 8, 12, 13 or 14 digits; it is sent as it is."),
        ("EAN-002", {"ean": "7.35E+12"}, "ean_code", "was reformatted by a spreadsheet"),
        ("PRICE-004", {"prices": [euro("49.899999999999999")]}, "price_text",
         "Centra has the price '49.899999999999999'; 49.90 is sent."),
        ("PRICE-003", {"prices": [euro("1", "9"), euro("2")]}, "price_text", "2 price lists have the currency; took"),
        ("HS-001", {"harmCode": "62O1"}, "harm_code", "'62O1'"),
        ("HS-001", {"harmCode": "12345"}, "harm_code", "'12345'"),
        ("TEXT-001", {"name": "x" * 256, "variant": "", "size": ""}, "name", "name has 256 characters"),
        ("TEXT-001", {"sku": "x" * 51}, "code", "code has 51 characters"),
        ("TEXT-001", {"description": "x" * 2001}, "description", "2001 characters"),
        ("TEXT-001", {"harmDescription": "x" * 51}, "customs_description", "51 characters"),
    ],
)  # fmt: skip
def test_each_warning_names_its_column(rule: str, fields: dict[str, Any], column: str, message: str) -> None:
    lines = warned(size(1, ean="7350000000023"), size(2, **(VALID | fields)))
    assert _rules(lines) == [("2", rule)]
    assert lines["field"][0] == column
    assert message in lines["message"][0]
    assert not RULES[rule].withholds


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"ean": "", "upc": "036000291452"}, id="EAN-001 UPC instead"),
        pytest.param({"ean": "96385074"}, id="EAN-002 8 digits"),
        pytest.param({"prices": [euro("1"), euro("2", "9", currency="SEK")]}, id="PRICE-003 one list of the currency"),
        pytest.param({"harmCode": ""}, id="HS-001 none"),
        pytest.param({"harmCode": "620140"}, id="HS-001 6 digits"),
        pytest.param({"harmCode": "6201.40.00 00"}, id="HS-001 10 digits"),
        pytest.param({"sku": "x" * 50}, id="TEXT-001 code of 50"),
        pytest.param({"name": "x" * 255, "variant": "", "size": ""}, id="TEXT-001 name of 255"),
        pytest.param({"description": "<p>" + "x" * 2000 + "</p>"}, id="TEXT-001 description of 2000"),
        pytest.param({"harmDescription": "x" * 50}, id="TEXT-001 customs text of 50"),
    ],
)
def test_values_within_the_limits_give_no_warning(fields: dict[str, Any]) -> None:
    assert _rules(warned(size(1, **(VALID | fields)))) == []


def test_a_chosen_price_list_removes_the_warning() -> None:
    """A size that is only on another list is withheld instead."""
    rows = [
        size(1, ean=EAN, prices=[euro("1", "9"), euro("2")]),
        size(2, ean="7350000000023", prices=[euro("2", "9")]),
    ]
    assert _rules(warned(*rows)) == [("1", "PRICE-003")]
    assert _rules(issues(*rows)) == []
    assert _rules(warned(*rows, pricelist_id="36")) == []
    assert _rules(issues(*rows, pricelist_id="36")) == [("2", "PRICE-001")]


def test_a_shared_ean_names_the_other_codes() -> None:
    """Without the size's code."""
    rows = [size(n, ean=EAN) for n in (1, 2, 3)]
    assert _messages(warned(*rows, size(4, ean="7350000000023")), "EAN-003") == [
        f"The EAN '{EAN}' is also on 'SKU2', 'SKU3'.",
        f"The EAN '{EAN}' is also on 'SKU1', 'SKU3'.",
        f"The EAN '{EAN}' is also on 'SKU1', 'SKU2'.",
    ]


@pytest.mark.parametrize("ean", ["012345678905", "0012345678905", "00012345678905"])
def test_eans_that_are_the_same_gtin_are_shared_and_do_not_differ(ean: str) -> None:
    """The one with another number of leading zeros in myOGO is no drift."""
    lines = warned(
        size(1, ean="012345678905"), size(2, ean=ean), live=held({"code": "SKU2", "eanCode": "012345678905"})
    )
    assert _rules(lines) == [("1", "EAN-003"), ("2", "EAN-003")]
    assert _messages(lines, "EAN-003") == [
        "The EAN '012345678905' is also on 'SKU2'.", f"The EAN {ean!r} is also on 'SKU1'.",
    ]  # fmt: skip


@pytest.mark.parametrize("ean", ["n/a", "0000000000000", "-"])
def test_what_is_no_ean_is_neither_shared_nor_different(ean: str) -> None:
    lines = warned(size(1, ean=ean), size(2, ean=ean), live=held({"code": "SKU2", "eanCode": EAN}))
    assert _rules(lines) == [("1", "EAN-002"), ("2", "EAN-002")]


def test_an_ean_shared_with_an_inactive_size_gives_no_warning() -> None:
    assert _rules(warned(size(1, ean=EAN), size(2, ean=EAN, active=0))) == []


@pytest.mark.parametrize(
    ("myogo_ean", "warns"),
    [
        pytest.param("7350000000023", True, id="another"),
        pytest.param(EAN, False, id="the same"),
        pytest.param(None, False, id="none"),
        pytest.param("", False, id="empty"),
        pytest.param(" ", True, id="blank"),
    ],
)
def test_an_ean_that_differs_in_myogo_gives_a_warning(myogo_ean: str | None, warns: bool) -> None:
    lines = warned(size(1, ean=EAN), size(2, ean="96385074"), live=held({"code": "SKU1", "eanCode": myogo_ean}))
    assert _messages(lines, "EAN-004") == ([f"Centra has the EAN '{EAN}', myOGO keeps '{myogo_ean}'."] if warns else [])


def test_a_missing_ean_in_centra_is_not_a_difference() -> None:
    assert _rules(warned(size(1, ean=""), live=held({"code": "SKU1", "eanCode": EAN}))) == [("1", "EAN-001")]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        pytest.param("AB", "ab", True, id="case"),
        pytest.param("A B", "AB", True, id="blank within"),
        pytest.param("A\u00a0b", "a\u00a0B", True, id="no-break space in both"),
        pytest.param("A\u00a0B", "A B", True, id="two kinds of blank"),
        pytest.param("STRASSE", "straße", True, id="sharp s"),
        pytest.param("A-B", "AB", False, id="hyphen"),
        pytest.param("A0", "AO", False, id="nought"),
    ],
)
def test_codes_that_look_alike_give_a_warning(one: str, other: str, alike: bool) -> None:
    lines = warned(size(1, sku=one, ean=EAN), size(2, sku=other, ean="7350000000023"))
    messages = [
        f"The code {one!r} is easily confused with {other!r}.",
        f"The code {other!r} is easily confused with {one!r}.",
    ]
    assert _messages(lines, "SKU-004") == (messages if alike else [])


def test_a_code_that_looks_like_one_that_only_myogo_holds_gives_a_warning() -> None:
    lines = warned(size(1, sku="ab", ean=EAN), live=held({"code": "AB"}))
    assert _messages(lines, "SKU-004") == ["The code 'ab' is easily confused with 'AB'."]


def test_a_warning_about_similar_codes_names_at_most_five() -> None:
    rows = [size(n, sku="A" + " " * n + "B", ean="") for n in range(8)]
    assert all(message.endswith("and 2 more.") for message in _messages(warned(*rows), "SKU-004"))


def test_equal_codes_are_not_similar_codes() -> None:
    """Equal codes are reported by SKU-002, empty codes by SKU-001."""
    rows = [size(1, sku="A", ean=EAN), size(2, sku="A", ean="96385074"), size(3, sku="", ean="036000291452")]
    assert _messages(warned(*rows), "SKU-004") == []


def test_skipped_rows_give_no_warning() -> None:
    assert _rules(warned(size(1, active=0, ean="", harmCode="x"), size(2, ean=EAN))) == []


# In myOGO only


def test_products_that_only_myogo_has_are_reported_by_two_rules() -> None:
    """One for codes of the warehouse, one for all others; a duplicate code is reported once."""
    live = held({"code": "XX-1", "name": "Box", "stock": 3}, {"code": "xx-2"}, {"code": "GIFT"}, {"code": "GIFT"})
    lines = unmatched(products(size(1)), live)
    assert list(zip(lines["code"], lines["rule"], strict=True)) == [
        ("XX-1", "TGT-002"), ("xx-2", "TGT-003"), ("GIFT", "TGT-003"),
    ]  # fmt: skip
    assert plain_list(lines["source_id"]) == [None, None, None]
    assert list(lines["message"]) == [
        "'XX-1' (Box), stock 3.", "'xx-2' (no name) is not in Centra.", "'GIFT' (no name) is not in Centra.",
    ]  # fmt: skip


def test_withheld_and_skipped_rows_are_not_unmatched() -> None:
    """Nor is an XX- code that Centra has."""
    rows = [size(1, prices=[]), size(2, active=0), size(3, sku="DUP"), size(4, sku="DUP"), size(5, sku="XX-9")]
    live = held(*({"code": code} for code in ("SKU1", "SKU2", "DUP", "XX-9", "sku1")))
    assert list(unmatched(products(*rows), live)["code"]) == ["sku1"]


def test_an_empty_myogo_has_no_unmatched_products() -> None:
    assert len(unmatched(products(size(1)), held())) == 0
    assert list(unmatched(products(), held({"code": "A"}))["code"]) == ["A"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sku": Decimal("1.5")}, "Unexpected type: sku is 1.5."),
        ({"sku": Decimal("123.0")}, "Unexpected type: sku is 123.0."),
        ({"sku": "A", "variantSku": Decimal("1E+5")}, "Unexpected type: variantSku is 100000.0."),
        ({"sku": "A", "sizeSku": True}, "Unexpected type: sizeSku is true."),
        ({"sku": ["A"]}, 'Unexpected type: sku is ["A"].'),
    ],
)
def test_a_code_with_a_part_that_cannot_be_read_is_no_code(fields: dict[str, Any], message: str) -> None:
    """So it is neither empty nor that of another size."""
    rows = [size(1, **(VALID | fields)), size(2, **VALID, sku="A"), size(3, **VALID, sku="-B")]
    assert list(products(*rows)["code"]) == ["", "A", "-B"]
    lines = issues(*rows)
    assert _rules(lines) == [("1", "TYPE-001")]
    assert _messages(lines, "TYPE-001") == [f"{message.removesuffix('.')} (size 1, Parka Blue S)."]


@pytest.mark.parametrize("sku", [123, 0, -5, 2**70])
def test_an_integer_is_a_part_of_a_code(sku: int) -> None:
    assert list(products(size(1, sku=sku, sizeSku=7))["code"]) == [f"{sku}7"]
    assert _rules(issues(size(1, **VALID, sku=sku))) == []
