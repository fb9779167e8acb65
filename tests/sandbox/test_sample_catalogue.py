"""The sample catalogue has exactly the faults that `planted.json` lists.

The rules are written here a second time, in plain Python, so that the check does not share code with the generator.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import LONG_S

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
FILES = ("centra.json", "myogo.json", "planted.json")
Row = dict[str, Any]


def _load(name: str) -> Any:
    return json.loads((SAMPLE / name).read_text(encoding="utf-8"))


def _rows(products: Iterable[Row]) -> list[Row]:
    """Each size as Centra sends it."""
    merged = [
        {**product, **variant, **size}
        for product in products
        for variant in product["variants"]
        for size in variant["sizes"]
    ]
    return [
        {key: value for key, value in row.items() if key not in ("variants", "sizes") and value != "__missing__"}
        for row in merged
    ]


CENTRA, MYOGO, PLANTED = _load("centra.json"), _load("myogo.json")["products"], _load("planted.json")
ROWS = _rows(CENTRA["products"])
ACTIVE = [row for row in ROWS if row["active"]]


def _id(row: Row) -> int:
    return int(row["stockItemId"])


def _code(row: Row) -> str:
    return "".join(row[part] or "" for part in ("sku", "variantSku", "sizeSku"))


def _euros(row: Row) -> list[Any]:
    entries = [entry["price"] for entry in row["prices"] if entry["currency"] == "EUR"]
    return [price for price in entries if price not in ("", None)]


def _is_price(value: Any) -> bool:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return False
    return amount.is_finite() and amount > 0


def _right_check_digit(ean: str) -> bool:
    if not (ean.isdecimal() and len(ean) in (8, 12, 13, 14)):
        return False
    return sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(ean))) % 10 == 0


def _plain(text: str) -> str:
    text = re.sub(r"<script>.*?</script>", "", text)
    return html.unescape(re.sub(r"<[^>]+>", " ", text)).strip()


def _too_long(row: Row) -> bool:
    description = _plain(row["shortDescription"] or row["description"])
    customs = row.get("harmDescription") or ""
    return len(row["name"] or "") > 255 or len(description) > 2000 or len(customs) > 50


def _bad_customs_code(row: Row) -> bool:
    code = re.sub(r"[\s.\-]", "", row["harmCode"])
    return bool(code) and not re.fullmatch(r"[0-9]{6,10}", code)


def _shared(rows: list[Row], key: Callable[[Row], Any]) -> set[int]:
    """The rows whose key is not empty and also the key of another row."""
    groups: dict[Any, list[int]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(_id(row))
    return {own for value, group in groups.items() if value and len(group) > 1 for own in group}


def _folded(code: str) -> str:
    return "".join(code.split()).casefold()


CODES_TWICE_IN_MYOGO = {code for code, times in Counter(product["code"] for product in MYOGO).items() if times > 1}
STORED_EAN = {product["code"]: product["eanCode"] for product in MYOGO}
SHARED_CODE, SHARED_EAN = _shared(ROWS, _code), _shared(ACTIVE, lambda row: row.get("ean"))
SIMILAR_CODE = _shared(ACTIVE, lambda row: _folded(_code(row))) - SHARED_CODE

WITHHELD: dict[str, Callable[[Row], bool]] = {
    "SKU-001": lambda row: not _code(row),
    "SKU-002": lambda row: _id(row) in SHARED_CODE,
    "SKU-003": lambda row: bool(re.search(r"[/\\\x00-\x1f\x7f]", _code(row))) or _code(row) != _code(row).strip(),
    "PRICE-001": lambda row: not _euros(row),
    "PRICE-002": lambda row: bool(_euros(row)) and not _is_price(_euros(row)[0]),
    "NAME-001": lambda row: not ((row["name"] or "").strip() or (row["product"] or "").strip()),
    "LANG-001": lambda row: row["store"] == "Import",
    "COO-001": lambda row: bool(row["countryOfOrigin"]) and not re.fullmatch("[A-Z]{2}", row["countryOfOrigin"]),
    "TGT-001": lambda row: _code(row) in CODES_TWICE_IN_MYOGO,
}
WARNED: dict[str, Callable[[Row], bool]] = {
    "EAN-001": lambda row: not row.get("ean"),
    "EAN-002": lambda row: bool(row.get("ean")) and not _right_check_digit(row["ean"]),
    "EAN-003": lambda row: _id(row) in SHARED_EAN,
    "EAN-004": lambda row: bool(stored := STORED_EAN.get(_code(row))) and stored != row.get("ean"),
    "PRICE-003": lambda row: len(_euros(row)) > 1,
    "SKU-004": lambda row: _id(row) in SIMILAR_CODE,
    "HS-001": _bad_customs_code,
    "TEXT-001": _too_long,
}
WITHHELD_IDS = {_id(row) for row in ACTIVE for broken in WITHHELD.values() if broken(row)}


def _planted(field: str, kind: str, rule: str | None = None) -> set[Any]:
    entries = [entry for entry in PLANTED if entry["kind"] == kind and rule in (None, entry["rule"])]
    return {value for entry in entries for value in entry.get(field, ())}


def test_the_shop_is_large_enough_to_look_real_and_small_enough_to_keep() -> None:
    assert len(CENTRA["products"]) >= 320
    assert len(ROWS) >= 2300
    assert (SAMPLE / "centra.json").stat().st_size < 1_500_000
    assert 55 <= len(MYOGO) <= 75


def test_stock_item_ids_are_unique() -> None:
    assert len({_id(row) for row in ROWS}) == len(ROWS)


def test_allocated_never_exceeds_physical() -> None:
    assert all(0 <= row["allocated"] <= row["physical"] for row in ROWS)


def test_the_price_lists_are_those_at_the_head_of_the_file() -> None:
    known = {(entry["id"], entry["name"], entry["currency"]) for entry in CENTRA["pricelists"]}
    used = {(str(p["id"]), p["pricelist"], p["currency"]) for row in ROWS for p in row["prices"]}
    assert used == known


@pytest.mark.parametrize("letter", "åäöæøéðþ")
def test_texts_have_nordic_letters(letter: str) -> None:
    assert any(letter in f"{row['name']}{row['description']}" for row in ROWS)


@pytest.mark.parametrize("rule", WITHHELD)
def test_the_rows_to_be_withheld_are_the_planted_ones(rule: str) -> None:
    ids = {_id(row) for row in ACTIVE if WITHHELD[rule](row)}
    assert len(ids) >= 3
    assert ids == _planted("stock_item_ids", "withheld", rule)


@pytest.mark.parametrize("rule", WARNED)
def test_the_rows_to_be_warned_about_are_the_planted_ones_and_are_not_withheld(rule: str) -> None:
    ids = {_id(row) for row in ACTIVE if WARNED[rule](row)}
    assert len(ids) >= 3
    assert ids == _planted("stock_item_ids", "drift" if rule == "EAN-004" else "warning", rule)
    assert not ids & WITHHELD_IDS


def test_at_most_25_sizes_have_two_euro_prices() -> None:
    assert len(_planted("stock_item_ids", "warning", "PRICE-003")) <= 25


def test_the_skipped_rows_are_the_inactive_ones_about_one_in_25() -> None:
    inactive = {_id(row) for row in ROWS if not row["active"]}
    assert inactive == _planted("stock_item_ids", "skipped", "INACTIVE")
    assert 0.03 < len(inactive) / len(ROWS) < 0.05


def test_codes_only_in_myogo_are_planted() -> None:
    own = set(STORED_EAN) - {_code(row) for row in ROWS}
    unidentified = {code for code in own if code.startswith("XX-")}
    assert unidentified == _planted("codes", "warning", "TGT-002")
    assert own - unidentified == _planted("codes", "unmatched")
    assert (len(unidentified), len(own)) == (3, 8)


@pytest.mark.parametrize("kind", ["update", "drift", "skipped", "withheld"])
def test_an_entry_on_both_sides_names_the_codes_of_its_sizes(kind: str) -> None:
    codes = {_id(row): _code(row) for row in ROWS}
    both = [e for e in PLANTED if e["kind"] == kind and "codes" in e and "stock_item_ids" in e]
    assert both
    for entry in both:
        assert {codes[own] for own in entry["stock_item_ids"]} == set(entry["codes"]) <= set(STORED_EAN)


def test_a_product_to_be_updated_has_another_price_or_another_name() -> None:
    names = {product["code"]: product["name"] for product in MYOGO}
    prices = {product["code"]: product.get("salesPrice") for product in MYOGO}
    updated = [row for row in ACTIVE if _id(row) in _planted("stock_item_ids", "update")]
    assert len(updated) >= 25
    for row in updated:
        base = row["name"] or row["product"]
        same_price = Decimal(str(prices[_code(row)])) == Decimal(str(_euros(row)[0]))
        assert not same_price or not names[_code(row)].startswith(base)


def test_every_entry_has_a_story_and_names_existing_rows() -> None:
    ids = {_id(row) for row in ROWS}
    for entry in PLANTED:
        assert entry["kind"] in (
            "withheld",
            "warning",
            "skipped",
            "update",
            "drift",
            "unmatched",
            "unchanged",
        )
        assert entry["owner"] in ("centra", "myogo", "channel")
        assert entry["story"]
        assert entry["fix"]
        assert entry.get("stock_item_ids") or entry.get("codes")
        assert set(entry.get("stock_item_ids", ())) <= ids
        assert set(entry.get("codes", ())) <= set(STORED_EAN)


def test_a_new_sample_is_identical(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-B", SAMPLE / "make_sample.py", tmp_path], check=True, timeout=LONG_S)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes(), name
