"""For any text in the staged columns: no exception, no row added or lost, each row in one bucket."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engine.plan import diff
from schemas.fields.centra import PRICES, PRODUCTS
from schemas.products.contract import PRODUCT
from schemas.products.issues import warnings, withheld
from tests.support.frames import texts
from tests.support.strategies import UNUSUAL_TEXTS, fuzz_settings
from transforms.live import live_products
from transforms.products import Params, selected, to_myogo

WRITABLE = st.text(st.characters(exclude_categories=("Cs",)), max_size=10) | st.sampled_from(
    [text for text in UNUSUAL_TEXTS if not any("\ud800" <= letter <= "\udfff" for letter in text)]
)
CELL = st.none() | WRITABLE
NUMBER = st.none() | WRITABLE | st.decimals(-10, 10**6, places=3).map(str) | st.text("0123456789.eE+-, ", max_size=12)
LIST = st.lists(WRITABLE, max_size=2).map(json.dumps)
FIELD = st.sampled_from(["brand", "prices", "currency", "id", "other"]) | WRITABLE
VALUE = st.none() | st.booleans() | WRITABLE | st.lists(WRITABLE, max_size=2)
EXTRA = st.none() | st.dictionaries(FIELD, VALUE, max_size=2).map(
    lambda fields: json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
)
CODE = st.sampled_from(["A", "B", "a", "A ", ""]) | WRITABLE


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({column: texts([row[column] for row in rows]) for column in columns})


SIZE = st.fixed_dictionaries(
    {f.column: LIST if f.kind == "texts" else CODE if "sku" in f.column else CELL for f in PRODUCTS} | {"extra": EXTRA}
)
ENTRY = st.fixed_dictionaries(
    {f.column: NUMBER if f.kind == "number" else CELL for f in PRICES}
    | {"currency": st.sampled_from(["EUR", "eur ", "SEK", None]) | CELL, "extra": EXTRA, "owner": st.integers(0, 5)}
)
LIVE = st.fixed_dictionaries(
    {column: CELL for column in PRODUCT.columns}
    | {"code": CODE.filter(bool), "sales_price": NUMBER, "stock": CELL, "extra": EXTRA}
)
PARAMS = st.builds(
    Params, currency=st.sampled_from(["EUR", "sek"]), pricelist_id=st.none() | WRITABLE, language=WRITABLE,
    language_by_store=st.dictionaries(WRITABLE, WRITABLE, max_size=1), include_inactive=st.booleans(),
    allow_zero_price=st.booleans(),
)  # fmt: skip


@fuzz_settings(20)
@given(
    st.lists(SIZE, max_size=5), st.lists(ENTRY, max_size=6), st.lists(LIVE, max_size=4), PARAMS,
    st.lists(WRITABLE, max_size=2),
)  # fmt: skip
def test_each_row_of_any_staged_tables_ends_in_one_bucket(
    sizes: list[dict[str, Any]], entries: list[dict[str, Any]], held: list[dict[str, Any]], params: Params,
    patterns: list[str],
) -> None:  # fmt: skip
    columns = [field.column for field in PRODUCTS]
    staged = _frame(sizes, [*columns, "extra"]).assign(
        stock_item_id=texts([str(n) for n in range(len(sizes))]), active=[n % 2 == 0 for n in range(len(sizes))]
    )
    prices = _frame(entries, [*(field.column for field in PRICES), "extra"]).assign(
        stock_item_id=texts([str(entry["owner"]) for entry in entries]), position=range(len(entries))
    )
    live = live_products(_frame(held, [*PRODUCT.columns, "stock", "extra"]))
    before = staged.copy(), prices.copy(), live.copy()
    products = to_myogo(staged, prices, params)
    assert list(products["stock_item_id"]) == list(staged["stock_item_id"])
    wanted = selected(products, tuple(patterns) or ("*",), tuple(patterns[:1]))
    assert len(wanted) == len(products)
    issues = withheld(products, prices, live, params.currency, params.allow_zero_price)
    warnings(products, wanted, live, params.pricelist_id)
    is_withheld = products.index.isin(issues["row"])
    assert set(issues["row"]) == set(products.index[is_withheld])
    assert not issues.duplicated(["row", "rule"]).any()
    desired = products[~is_withheld].reset_index(drop=True).rename(columns={"stock_item_id": "source_id"})
    plan = diff(desired, live, PRODUCT)
    assert plan.count("create") + plan.count("update") + plan.unchanged + int(is_withheld.sum()) == len(products)
    for old, new in zip(before, (staged, prices, live), strict=True):
        pd.testing.assert_frame_equal(old, new)
