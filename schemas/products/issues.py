"""The issues that withhold a product, and its warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pandas as pd

from schemas.confusables import skeleton
from schemas.countries import LIKELY
from schemas.gtin import gtin14, has_wrong_check_digit, is_gtin, is_no_ean
from schemas.issues import MAX_LISTED, and_more, by_id, issue_rows, issue_table
from schemas.membership import is_in
from schemas.products.contract import failures
from schemas.products.rules import RULES

# Lengths that myOGO is known to accept; it documents none for a code, and asks for short ones.
MAX_LENGTH = {"code": 50, "name": 255, "description": 2000, "customs_description": 50}
_RULES = by_id(RULES)
_FIELD_OF_RULE = {
    "SKU-001": "code",
    "SKU-002": "code",
    "SKU-003": "code",
    "PRICE-001": "price_text",
    "PRICE-002": "price_text",
    "PRICE-005": "price_text",
    "NAME-001": "name",
    "LANG-001": "language_code",
    "COO-001": "country_of_origin",
    "TYPE-001": "mismatched",
    "TYPE-002": "code",
    "TGT-001": "code",
}
_WARNING_COLUMNS = (
    "stock_item_id", "code", "ean_code", "ean_text", "pricelists", "pricelist_id", "price_text", "sales_price",
    "price_had_residue", "harm_code", "hs_code",
)  # fmt: skip


def withheld(
    products: pd.DataFrame,
    prices: pd.DataFrame,
    live: pd.DataFrame,
    currency: str,
    allow_zero_price: bool,
) -> pd.DataFrame:
    """One line per row and broken rule, over all of `products` (a fresh unique index).

    `prices` are Centra's price entries, `live` myOGO's products. Columns: `row` and COLUMNS.
    """
    broken = _broken_rules(products, live, allow_zero_price)
    rows = products.loc[broken["row"]].reset_index(drop=True)
    field = broken["rule"].map(_FIELD_OF_RULE).astype("str")
    value = rows["code"].astype("str")
    for name in field.unique():
        value = value.where(field != name, rows[name].astype("str"))
    clash = _clashes(products, broken.loc[broken["rule"] == "SKU-002", "row"])
    price_lists = _price_lists(prices, rows.loc[broken["rule"] == "PRICE-001", "stock_item_id"])
    copies = live["code"].value_counts()
    unreadable = dict(_unreadable(live))
    messages: dict[str, Callable[[int, Any, str], str]] = {
        "SKU-001": lambda row, size, value: "sku, variantSku and sizeSku are all empty, so there is no code.",
        "SKU-002": lambda row, size, value: f"The code {value!r} is shared with {clash[row]}.",
        "SKU-003": lambda row, size, value: f"The code {value!r} {_invalid_code(value)}.",
        "PRICE-001": lambda row, size, value: (
            f"No {currency} price{_in_list(size.pricelist_id)}. "
            f"{price_lists.get(size.stock_item_id, 'No price at all.')}"
        ),
        "PRICE-002": lambda row, size, value: f"The {currency} price is {value!r}: {_invalid_price(value)}.",
        "PRICE-005": lambda row, size, value: (
            f"Price list {size.pricelist_id} has two {currency} prices: {value!r} and {size.second_price_text!r}."
        ),
        "NAME-001": lambda row, size, value: "The product has no name: neither name nor product is filled in.",
        "LANG-001": lambda row, size, value: f"The language {value!r} (store {size.store}) is not two letters.",
        "COO-001": lambda row, size, value: (
            f"The country of origin {value!r} is not a country code of ISO 3166-1"
            f"{f'; {LIKELY[value]} probably is.' if value in LIKELY else '.'}"
        ),
        "TYPE-001": lambda row, size, value: (
            f"Unexpected type: {value}{'' if size.code else f' (size {size.stock_item_id}, {size.name})'}."
        ),
        "TYPE-002": lambda row, size, value: f"myOGO's product {value!r} has an unexpected type: {unreadable[value]}.",
        "TGT-001": lambda row, size, value: f"myOGO holds {copies[value]} products with the code {value!r}.",
    }
    named = rows.assign(name=rows["name"].fillna("no name"))
    sizes = named[["stock_item_id", "code", "pricelist_id", "second_price_text", "store", "name"]].itertuples(
        index=False
    )
    message = [
        messages[rule](row, size, value)
        for rule, row, size, value in zip(broken["rule"], broken["row"], sizes, value, strict=True)
    ]
    rules = [_RULES[rule] for rule in broken["rule"]]
    issues = issue_table(rows.rename(columns={"stock_item_id": "source_id"}), rules, field, value, message)
    return issues.assign(row=broken["row"].to_numpy())


def _broken_rules(products: pd.DataFrame, live: pd.DataFrame, allow_zero_price: bool) -> pd.DataFrame:
    """`row` and `rule`: the rows that break the contract, and the rows whose code myOGO holds more than once or on a
    product that cannot be read."""
    held_twice = set(live.loc[live["code"].duplicated(keep=False), "code"])
    of_target = [
        pd.DataFrame({"row": products.index[products["code"].isin(codes)].astype("int64"), "rule": rule})
        for rule, codes in (("TGT-001", held_twice), ("TYPE-002", {code for code, _ in _unreadable(live)}))
    ]
    broken = pd.concat([failures(products, allow_zero_price), *of_target], ignore_index=True)
    return broken.sort_values(["row", "rule"], ignore_index=True)


def _unreadable(live: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Code and unreadable fields of the products in myOGO that cannot be read."""
    rows = live[live["unreadable"].notna()]
    return zip(rows["code"], rows["unreadable"], strict=True)


def warnings(products: pd.DataFrame, selected: pd.Series, live: pd.DataFrame, pricelist_id: str | None) -> pd.DataFrame:
    """COLUMNS: one line per warning. `selected` are the rows that the channel selects."""
    rows = products.loc[selected, list(_WARNING_COLUMNS)]  # a copy; with all texts it would double the memory in use
    rows = rows.rename(columns={"stock_item_id": "source_id"})
    parts = [
        *_ean_warnings(rows, live),
        _confusable_codes(rows, products, live),
        *([] if pricelist_id else [_price_list_warnings(rows)]),
        issue_rows(
            _RULES["PRICE-004"],
            rows[rows["price_had_residue"]],
            "price_text",
            lambda row: f"Centra has the price {row.price_text!r}; {amount_text(row.sales_price)} is sent.",
        ),
        issue_rows(
            _RULES["HS-001"],
            rows[rows["harm_code"].notna() & rows["hs_code"].isna()],
            "harm_code",
            lambda row: f"The tariff number {row.harm_code!r} is not sent.",
        ),
        *_long_texts(products, selected),
        unmatched(products, live),
    ]
    return pd.concat(parts, ignore_index=True)


def _ean_warnings(rows: pd.DataFrame, live: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Warnings about the EAN as Centra has it, including EANs that are not sent."""
    rows = rows.assign(sendable_ean=rows["ean_code"], ean_code=rows["ean_text"])
    ean, gtin = rows["ean_code"], gtin14(rows["ean_code"])
    rows = rows.assign(gtin=gtin)
    live_eans = live.drop_duplicates("code", keep=False).set_index("code")["ean_code"]
    in_myogo = rows["code"].map(live_eans).astype("str")
    in_myogo = in_myogo.mask(in_myogo == "")
    yield issue_rows(_RULES["EAN-001"], rows[ean.isna()], "ean_code", lambda row: "No EAN.")
    yield issue_rows(
        _RULES["EAN-002"],
        rows[ean.notna() & ~is_gtin(ean.fillna(""))],
        "ean_code",
        lambda row: f"The EAN {row.ean_code!r} {_invalid_ean(row.ean_code, isinstance(row.sendable_ean, str))}.",
    )
    shared = rows[gtin.notna() & gtin.duplicated(keep=False)]
    yield issue_rows(_RULES["EAN-003"], shared, "ean_code", _shared_ean_message(shared))
    yield issue_rows(
        _RULES["EAN-004"],
        # Assigned before the selection, because an empty frame takes all rows of an assigned column.
        rows.assign(in_myogo=in_myogo)[gtin.notna() & in_myogo.notna() & (gtin14(in_myogo).fillna("") != gtin)],
        "ean_code",
        lambda row: f"Centra has the EAN {row.ean_code!r}, myOGO keeps {row.in_myogo!r}.",
    )


def _invalid_ean(text: str, is_sent: bool) -> str:
    """The problem of an EAN that is not a GTIN, in words."""
    if is_sent:
        return "is not 8, 12, 13 or 14 digits; it is sent as it is"
    ean = pd.Series([text], dtype="str")
    if is_no_ean(ean)[0]:
        return "is no barcode: it is not sent"
    if has_wrong_check_digit(ean)[0]:
        return "has a wrong check digit: it is not sent, because myOGO keeps the first EAN that it gets"
    return "was reformatted by a spreadsheet, or has characters that a barcode cannot have: it is not sent"


def _confusable_codes(rows: pd.DataFrame, products: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
    """Codes that look like another code in Centra or myOGO."""
    codes = pd.concat([products["code"], live["code"]]).drop_duplicates()
    codes = codes[codes != ""]
    skeletons = codes.map(skeleton)
    shared = skeletons.duplicated(keep=False)
    skeleton_of = dict(zip(codes[shared], skeletons[shared], strict=True))
    codes_of: dict[str, list[str]] = {}
    for code, own_skeleton in skeleton_of.items():
        codes_of.setdefault(own_skeleton, []).append(code)
    return issue_rows(
        _RULES["SKU-004"],
        rows[rows["code"].isin(skeleton_of)],
        "code",
        lambda row: (
            f"The code {row.code!r} is easily confused with {_others(row.code, codes_of[skeleton_of[row.code]])}."
        ),
    )


def _price_list_warnings(rows: pd.DataFrame) -> pd.DataFrame:
    """Prices that may be from the wrong list, because the channel file names none."""
    return issue_rows(
        _RULES["PRICE-003"],
        rows[rows["pricelists"] > 1],
        "price_text",
        lambda row: (
            f"{row.pricelists} price lists have the currency; took {row.price_text!r} of {row.pricelist_id}, "
            "the lowest id."
        ),
    )


def _long_texts(products: pd.DataFrame, selected: pd.Series) -> Iterator[pd.DataFrame]:
    for name, max_length in MAX_LENGTH.items():
        columns = [*dict.fromkeys(("stock_item_id", "code", name))]
        long = products.loc[selected & (products[name].fillna("").str.len() > max_length), columns].rename(
            columns={"stock_item_id": "source_id"}
        )
        lengths = long.assign(length=long[name].str.len())
        yield issue_rows(
            _RULES["TEXT-001"],
            lengths,
            name,
            lambda row, name=name, max_length=max_length: (
                f"{name} has {row.length} characters; myOGO is known to accept {max_length}."
            ),
        )


def unmatched(products: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
    """Products that only myOGO has: TGT-002 for the warehouse's `XX-` codes, TGT-003 for the others.

    The codes of withheld and skipped sizes count as present in Centra.
    """
    rows = live[~is_in(live["code"], products["code"])].drop_duplicates("code")
    rows = rows.assign(source_id=None, name=rows["name"].fillna("no name"), stock=rows["stock"].fillna("unknown"))
    unidentified = rows["code"].str.startswith("XX-")
    return pd.concat(
        [
            issue_rows(
                _RULES["TGT-002"],
                rows[unidentified],
                "code",
                lambda row: f"{row.code!r} ({row.name}), stock {row.stock}.",
            ),
            issue_rows(
                _RULES["TGT-003"],
                rows[~unidentified],
                "code",
                lambda row: f"{row.code!r} ({row.name}) is not in Centra.",
            ),
        ],
        ignore_index=True,
    )


def _shared_ean_message(rows: pd.DataFrame) -> Callable[..., str]:
    groups = rows.groupby("gtin")["code"]
    sizes = groups.size()
    heads = rows[groups.cumcount() <= MAX_LISTED].groupby("gtin")["code"].agg(list)

    def message(row: Any) -> str:
        others = list(heads[row.gtin])
        if row.code in others:
            others.remove(row.code)
        return f"The EAN {row.ean_code!r} is also on {and_more([repr(o) for o in others], sizes[row.gtin] - 1)}."

    return message


def _clashes(products: pd.DataFrame, rows: pd.Series) -> dict[int, str]:
    """For each clashing row, the other sizes with its code."""
    clashing = products.loc[rows]
    size_counts = clashing["code"].value_counts().to_dict()
    head = clashing[clashing.groupby("code").cumcount() <= MAX_LISTED]
    labels: dict[str, dict[int, str]] = {}
    names, own = head["name"].fillna("no name"), head.get("code_in_centra", head["code"])
    sizes = zip(head.index, head["code"], own, head["stock_item_id"], names, head["active"], strict=True)
    for row, code, in_centra, item, name, active in sizes:
        kept = "" if in_centra == code else f", by kept_codes for {in_centra!r}"
        labels.setdefault(code, {})[row] = f"size {item} ({name}{'' if active else ', inactive'}{kept})"
    return {
        row: and_more([label for other, label in labels[code].items() if other != row], size_counts[code] - 1)
        for row, code in zip(clashing.index, clashing["code"], strict=True)
    }


def _others(code: str, alike: list[str]) -> str:
    return and_more([repr(other) for other in alike if other != code], len(alike) - 1)


def amount_text(price: Decimal) -> str:
    return f"{price:.2f}" if price == round(price, 2) else f"{price:f}"


def _invalid_price(text: str) -> str:
    """The reason why the amount cannot be sent."""
    try:
        amount = Decimal(text.strip() if text.isascii() and "_" not in text else "no number")
    except ArithmeticError:
        return "it is not a number"
    if not amount.is_finite():
        return "it is not a number"
    if amount <= 0:
        return "zero is not allowed" if amount == 0 else "it is negative"
    return "it has more than 4 decimals, and prices are not rounded" if amount < 10**14 else "it is too large"


def _invalid_code(code: str) -> str:
    """The problem in words, because a blank at the end is not visible in a list."""
    if code != code.strip():
        return "begins or ends with a blank"
    if "/" in code or "\\" in code:
        return "has a slash or backslash, which myOGO does not accept"
    return "has a control or invisible character"


def _in_list(pricelist_id: Any) -> str:
    return f" in price list {pricelist_id}" if isinstance(pricelist_id, str) else ""


def _price_lists(prices: pd.DataFrame, sizes: pd.Series) -> dict[str, str]:
    """For each size, as sentences, the price lists that have an amount for it and those that have none."""
    entries = prices[prices["stock_item_id"].isin(sizes)]
    priced: dict[str, set[str]] = {item: set() for item in entries["stock_item_id"]}
    blank: dict[str, set[str]] = {item: set() for item in priced}
    columns = entries[["stock_item_id", "currency", "pricelist_id", "pricelist", "price"]].fillna("")
    for item, currency, pricelist_id, pricelist, price in columns.itertuples(index=False):
        name = f", {pricelist}" if pricelist not in ("", currency) else ""
        label = f"{currency or 'no currency'} (list {pricelist_id or 'without id'}{name})"
        (priced if price.strip() else blank)[item].add(label)
    return {
        item: (f"Found {_listed(priced[item])}." if priced[item] else "No list has an amount.")
        + (f" Without an amount: {_listed(blank[item])}." if blank[item] else "")
        for item in priced
    }


def _listed(texts: set[str]) -> str:
    return and_more(sorted(texts), len(texts))
