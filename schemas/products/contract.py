"""The pandera contract of a product that may be sent to myOGO, and the rules that rows break."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.compute as pc
from pandera.errors import SchemaErrors

from schemas.confusables import DEFAULT_IGNORABLE_RE2
from schemas.contract import Contract
from schemas.countries import COUNTRIES
from schemas.fields.centra import CODE_FIELDS
from schemas.fields.myogo import PRODUCTS
from schemas.outgoing_contract import BrokenContract

PRODUCT = Contract(
    key="code",
    compare=(
        "name",
        "sales_price",
        "description",
        "supplier",
        "product_group",
        "picture_url",
        "country_of_origin",
        "customs_description",
        "hs_code",
        "language_code",
    ),
    create_only=("ean_code",),
    summary=("name", "sales_price"),
    vendor={field.column: field.vendor for field in PRODUCTS},
)

# What begins a field in the column `mismatched`.
_OF_PRICES, _OF_CODE = r"(?:^|, )prices is", rf"(?:^|, )(?:{'|'.join((*CODE_FIELDS, 'stockItemId'))}) is"
# RE2 classes: control, format (invisible, direction), line and paragraph separators, the replacement character
# (undecodable text), other invisible characters; blanks of any kind at either end.
_INVALID_IN_CODE = r"[/\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\x{FFFD}" + DEFAULT_IGNORABLE_RE2 + r"]|^[\p{Z}\s]|[\p{Z}\s]$"

# Column and name of pandera's built-in checks, and the rule of each.
_BUILT_IN = {
    ("code", "field_uniqueness"): "SKU-002",
    ("price_text", "not_nullable"): "PRICE-001",
    ("sales_price", "not_nullable"): "PRICE-002",
    ("name", "not_nullable"): "NAME-001",
    ("language_code", "not_nullable"): "LANG-001",
}


def _matches(texts: pd.Series, pattern: str) -> pd.Series:
    matched = pc.match_substring_regex(pyarrow.array(texts, pyarrow.string(), from_pandas=True), pattern)
    return pd.Series(matched.to_numpy(zero_copy_only=False), index=texts.index).fillna(False).astype(bool)


def _check(rule: str, holds: Callable[[pd.Series], pd.Series]) -> pa.Check:
    return pa.Check(holds, name=rule, error=rule, ignore_na=True)


@cache
def product(allow_zero_price: bool) -> pa.DataFrameSchema:
    """The contract of a product: a unique code that myOGO accepts, a price, and other fields that myOGO requires."""
    positive = _check("PRICE-002", lambda price: price >= 0 if allow_zero_price else price > 0)
    return pa.DataFrameSchema(
        {
            "code": pa.Column(
                unique=True,
                report_duplicates="all",
                checks=[
                    _check("SKU-001", lambda code: code.str.len() > 0),
                    _check("SKU-003", lambda code: ~_matches(code, _INVALID_IN_CODE)),
                ],
            ),
            "mismatched": pa.Column(nullable=True, checks=[_check("TYPE-001", lambda text: text == "")]),
            "price_text": pa.Column(),
            "second_price_text": pa.Column(nullable=True, checks=[_check("PRICE-005", lambda text: text == "")]),
            "sales_price": pa.Column(checks=[positive]),
            "name": pa.Column(),
            "language_code": pa.Column(checks=[_check("LANG-001", lambda code: _matches(code, r"^[A-Za-z]{2}$"))]),
            "country_of_origin": pa.Column(
                nullable=True, checks=[_check("COO-001", lambda code: code.isin(COUNTRIES))]
            ),
        },
        index=pa.Index(int, unique=True),
        name="product",
    )


def failures(products: pd.DataFrame, allow_zero_price: bool) -> pd.DataFrame:
    """One line per row and broken rule: `row` (position in `products`) and `rule`, sorted.

    `products` has a fresh unique index. A row without a price breaks only PRICE-001, not PRICE-002; a row with an
    empty code breaks SKU-001, not SKU-002; a row whose name, code or prices cannot be read breaks TYPE-001, not the
    rule for a row without them. Raises BrokenContract if the frame does not fit the schema.
    """
    schema = product(allow_zero_price)
    try:
        schema.validate(products[[name for name in schema.columns if name in products]], lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
    else:
        return pd.DataFrame({"row": pd.Series(dtype="int64"), "rule": pd.Series(dtype="str")})
    of_frame = cases[cases["index"].isna() | (cases["schema_context"] == "Index")]
    if len(of_frame):
        problems = of_frame[["column", "check", "failure_case"]].drop_duplicates().head().to_dict("records")
        raise BrokenContract(f"the frame does not fit the contract of a product: {problems}")
    checks = cases["check"].astype("str")
    named = {
        pair: _BUILT_IN.get(pair, pair[1]) for pair in set(zip(cases["column"].astype("str"), checks, strict=True))
    }
    rules = [named[pair] for pair in zip(cases["column"].astype("str"), checks, strict=True)]
    broken = pd.DataFrame({"row": cases["index"].astype("int64").to_numpy(), "rule": rules})
    broken = broken.drop_duplicates()
    empty = broken["row"].isin(broken.loc[broken["rule"] == "SKU-001", "row"])
    unpriced = broken["row"].isin(broken.loc[broken["rule"] == "PRICE-001", "row"])
    mismatched = broken["row"].isin(broken.loc[broken["rule"] == "TYPE-001", "row"])
    unreadable = broken["row"].map(products["mismatched"]).fillna("").astype("str")
    implied = (
        (empty & (broken["rule"] == "SKU-002"))
        | (unpriced & (broken["rule"] == "PRICE-002"))
        | (mismatched & (broken["rule"] == "NAME-001"))
        | (unreadable.str.contains(_OF_PRICES) & (broken["rule"] == "PRICE-001"))
        | (unreadable.str.contains(_OF_CODE) & (broken["rule"] == "SKU-001"))
    )
    return broken[~implied].sort_values(["row", "rule"]).reset_index(drop=True)
