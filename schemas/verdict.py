"""What we say about rows: which are withheld and why, and what is worth a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from schemas.gtin import is_gtin
from schemas.product import failures
from schemas.rules import RULES

MOST_NAMED = 5
LONGEST = {"name": 255, "description": 2000, "customs_description": 50}
COLUMNS = ["key", "stock_item_id", "code", "rule", "column", "value", "message", "fix", "owner"]
_COLUMN_OF = {
    "SKU-001": "code",
    "SKU-002": "code",
    "SKU-003": "code",
    "PRICE-001": "price_text",
    "PRICE-002": "price_text",
    "NAME-001": "name",
    "LANG-001": "language_code",
    "COO-001": "country_of_origin",
    "TGT-001": "code",
}


def withheld(
    products: pd.DataFrame, prices: pd.DataFrame, live: pd.DataFrame, currency: str, allow_zero_price: bool
) -> pd.DataFrame:
    """One line per row and rule it breaks, over all of `products` (a fresh unique index); plus `row`.

    `prices` are Centra's price entries, `live` myOGO's products. Columns: `row` and COLUMNS.
    """
    broken = failures(products, allow_zero_price)
    twice = set(live.loc[live["code"].duplicated(keep=False), "code"])
    rows = products.index[products["code"].isin(twice)]
    held_twice = pd.DataFrame({"row": rows.astype("int64"), "rule": "TGT-001"})
    broken = pd.concat([broken, held_twice], ignore_index=True).sort_values(["row", "rule"])
    concerned = products.loc[broken["row"]].reset_index(drop=True)
    broken = broken.reset_index(drop=True)
    column = broken["rule"].map(_COLUMN_OF).astype("str")
    value = pd.Series([concerned[name].iat[position] for position, name in enumerate(column)], dtype="object").astype(
        "str"
    )
    clash = _clashes(products, broken.loc[broken["rule"] == "SKU-002", "row"])
    found = _currencies(prices, concerned.loc[broken["rule"] == "PRICE-001", "stock_item_id"])
    copies = live["code"].value_counts()
    telling: dict[str, Callable[[int, str, str], str]] = {
        "SKU-001": lambda row, code, value: "sku, variantSku and sizeSku are all empty, so there is no code.",
        "SKU-002": lambda row, code, value: f"The code {code!r} is also made by {clash[row]}.",
        "SKU-003": lambda row, code, value: f"The code {code!r} has a character that myOGO or a label cannot carry.",
        "PRICE-001": lambda row, code, value: (
            f"No {currency} price. {found.get(str(products['stock_item_id'].iat[row]), 'No price at all.')}"
        ),
        "PRICE-002": lambda row, code, value: f"The {currency} price is {value!r}, which cannot be sent.",
        "NAME-001": lambda row, code, value: "Neither name nor product is filled in.",
        "LANG-001": lambda row, code, value: (
            f"The language {value!r} (store {products['store'].iat[row]}) is not two letters."
        ),
        "COO-001": lambda row, code, value: f"The country of origin {value!r} is not two letters.",
        "TGT-001": lambda row, code, value: f"myOGO holds {copies[code]} products with the code {code!r}.",
    }
    message = [
        telling[rule](row, code, value)
        for rule, row, code, value in zip(broken["rule"], broken["row"], concerned["code"], value, strict=True)
    ]
    told = _told(concerned, broken["rule"], column, value, message)
    return told.assign(row=broken["row"].to_numpy())


def warnings(products: pd.DataFrame, wanted: pd.Series, live: pd.DataFrame, pricelist_id: str | None) -> pd.DataFrame:
    """One line per finding that does not withhold; COLUMNS. `wanted` are the rows that are not skipped."""
    rows = products[wanted]
    kept = live.drop_duplicates("code", keep=False).set_index("code")["ean_code"]
    there = rows["code"].map(kept).astype("str")
    there = there.mask(there.fillna("").str.strip() == "")
    norm = pd.concat([products["code"], live["code"]]).drop_duplicates()
    norm = norm[norm != ""]
    alike = norm.groupby(norm.str.replace(r"\s+", "", regex=True).str.casefold())
    confusable = norm[alike.transform("nunique") > 1]
    twins = confusable.groupby(confusable.str.replace(r"\s+", "", regex=True).str.casefold()).agg(list)
    several = rows["pricelists"] > 1
    if pricelist_id is not None:
        several &= rows["pricelist_id"] != pricelist_id
    ean = rows["ean_code"]
    long = {name: rows[name].fillna("").str.len() > most for name, most in LONGEST.items()}
    parts = [
        _warn("EAN-001", rows[ean.isna()], "ean_code", lambda row: "No EAN."),
        _warn(
            "EAN-002",
            rows[ean.notna() & ~is_gtin(ean.fillna(""))],
            "ean_code",
            lambda row: f"The EAN {row.ean_code!r} has no right check digit or length.",
        ),
        _warn("EAN-003", rows[ean.notna() & ean.duplicated(keep=False)], "ean_code", _sharing(rows)),
        _warn(
            "EAN-004",
            rows[ean.notna() & there.notna() & (there != ean)].assign(there=there),
            "ean_code",
            lambda row: f"Centra says EAN {row.ean_code!r}, myOGO keeps {row.there!r}.",
        ),
        _warn(
            "SKU-004",
            rows[rows["code"].isin(confusable)],
            "code",
            lambda row: (
                f"The code {row.code!r} is easily taken for "
                + " or ".join(repr(other) for other in twins["".join(row.code.split()).casefold()] if other != row.code)
                + "."
            ),
        ),
        _warn(
            "PRICE-003",
            rows[several],
            "price_text",
            lambda row: (
                f"{row.pricelists} price lists carry the currency; took {row.price_text!r} of {row.pricelist_id}."
            ),
        ),
        _warn(
            "HS-001",
            rows[rows["harm_code"].notna() & rows["hs_code"].isna()],
            "harm_code",
            lambda row: f"The tariff number {row.harm_code!r} is not sent.",
        ),
        *(
            _warn(
                "TEXT-001",
                rows[hit],
                name,
                lambda row, name=name: (
                    f"{name} has {len(getattr(row, name))} characters; myOGO is known to take {LONGEST[name]}."
                ),
            )
            for name, hit in long.items()
        ),
        unmatched(products, live),
    ]
    return pd.concat(parts, ignore_index=True)


def unmatched(products: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
    """Products that only myOGO has: TGT-002 for the warehouse's own `XX-` codes, TGT-003 for the rest.

    A code that any Centra size makes, withheld and skipped ones included, is not unmatched.
    """
    only = live[~live["code"].isin(products["code"])].drop_duplicates("code")
    only = only.assign(stock_item_id=None)
    made = only["code"].str.startswith("XX-")
    return pd.concat(
        [
            _warn("TGT-002", only[made], "code", lambda row: f"{row.code!r} ({row.name}), stock {row.stock}."),
            _warn("TGT-003", only[~made], "code", lambda row: f"{row.code!r} ({row.name}) is not in Centra."),
        ],
        ignore_index=True,
    )


def _told(
    rows: pd.DataFrame, rules: pd.Series, column: pd.Series, value: pd.Series, message: Iterable[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "key": rows["code"].to_numpy(),
            "stock_item_id": rows["stock_item_id"].to_numpy(),
            "code": rows["code"].to_numpy(),
            "rule": rules.to_numpy(),
            "column": column.to_numpy(),
            "value": value.to_numpy(),
            "message": list(message),
            "fix": [RULES[rule].fix for rule in rules],
            "owner": [RULES[rule].owner for rule in rules],
        },
        columns=COLUMNS,
    ).astype("str")


def _warn(rule: str, rows: pd.DataFrame, column: str, message: Callable[..., str]) -> pd.DataFrame:
    rows = rows.reset_index(drop=True)
    text = rows[column].astype("str")
    told = [message(row) for row in rows.itertuples(index=False)]
    return _told(rows, pd.Series([rule] * len(rows)), pd.Series([column] * len(rows)), text, told)


def _sharing(rows: pd.DataFrame) -> Callable[..., str]:
    shared = rows.loc[rows["ean_code"].notna() & rows["ean_code"].duplicated(keep=False), ["ean_code", "code"]]
    groups = shared.groupby("ean_code")["code"]
    sizes = groups.size()
    heads = shared[groups.cumcount() <= MOST_NAMED].groupby("ean_code")["code"].agg(list)

    def tell(row: Any) -> str:
        others = list(heads[row.ean_code])
        if row.code in others:
            others.remove(row.code)
        return f"The EAN {row.ean_code!r} is also on {_and_more([repr(o) for o in others], sizes[row.ean_code] - 1)}."

    return tell


def _clashes(products: pd.DataFrame, rows: pd.Series) -> dict[int, str]:
    """For each clashing row, the other sizes that make its code."""
    clashing = products.loc[rows]
    out: dict[int, str] = {}
    for _, group in clashing.groupby("code", sort=False):
        head = group.head(MOST_NAMED + 1)
        words = {
            row: f"size {item} ({name}{'' if active else ', inactive'})"
            for row, item, name, active in zip(
                head.index, head["stock_item_id"], head["name"].fillna("no name"), head["active"], strict=True
            )
        }
        for row in group.index:
            out[row] = _and_more([word for other, word in words.items() if other != row], len(group) - 1)
    return out


def _and_more(words: list[str], of: int) -> str:
    """The first few of `of` things; `words` need not hold them all."""
    head = words[:MOST_NAMED]
    return ", ".join(head) + (f" and {of - len(head)} more" if of > len(head) else "")


def _currencies(prices: pd.DataFrame, sizes: pd.Series) -> dict[str, str]:
    """For each size, what its price entries do hold."""
    entries = prices[prices["stock_item_id"].isin(sizes)]
    out = {}
    for item, group in entries.groupby("stock_item_id", sort=False):
        filled = group["price"].fillna("").str.strip() != ""
        priced = sorted(group.loc[filled, "currency"].fillna("(no currency)").unique())
        blank = sorted(group.loc[~filled, "currency"].fillna("(no currency)").unique())
        said = f"Found {', '.join(priced)}." if priced else "No list has an amount."
        out[str(item)] = said + (f" Without an amount: {', '.join(blank)}." if blank else "")
    return out
