"""Any rows give a complete table or a readable error, and each staged row ends in one bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.errors import SourceError
from pipelines.systems.arrow_columns import Findings, table
from pipelines.systems.centra import source as centra_source
from pipelines.systems.myogo import source as myogo_source
from pipelines.systems.unreadable_rows import with_keys
from schemas.fields.centra import STOCK, STOCK_KNOWN
from schemas.fields.myogo import PRODUCTS as HELD
from schemas.fields.myogo import STOCK as HELD_STOCK
from schemas.products.issues import warnings, withheld
from tests.support.shop import euro, size
from tests.support.strategies import JSON, SCALAR, TEXT, fuzz_settings
from transforms.products import Params, selected, to_myogo

DELETED = object()
PRICE = st.builds(lambda base, changes: base | changes, st.just(euro("10.00")), st.dictionaries(
    st.sampled_from(["id", "price", "currency", "pricelist", "campaigns", "new"]), JSON, max_size=2
))  # fmt: skip


def _rows(base: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    """Rows with some fields changed or deleted; sometimes a row that is no object."""
    changed = st.dictionaries(st.sampled_from(sorted(base)) | TEXT, JSON | st.just(DELETED), max_size=3)
    row = changed.map(lambda fields: {k: v for k, v in (base | fields).items() if v is not DELETED})
    return st.lists(st.one_of(*[row] * 9, SCALAR), max_size=4)


class Pages:
    """A stand-in for the client that returns these pages."""

    def __init__(self, pages: list[list[Any]]) -> None:
        self.listed_pages = pages

    def pages(self, path: str, only: object = None) -> Iterator[list[Any]]:
        yield from self.listed_pages


def check_readable(error: SourceError) -> None:
    """Checks that the message is one short line and that the run ends with 5."""
    assert error.message.isprintable()
    assert len(error.message) < 400
    assert error.exit_code == 5


def complete_table(make: Any, rows: int | None = None) -> pa.Table | None:
    """The table, valid and with every row; None if the source raised a readable error."""
    try:
        arrow_table: pa.Table = make()
    except SourceError as error:
        check_readable(error)
        return None
    arrow_table.validate(full=True)
    assert rows is None or arrow_table.num_rows == rows
    for extra in arrow_table["extra"].to_pylist():
        assert extra is None or isinstance(json.loads(extra), dict)
    return arrow_table


def unique(rows: list[Any]) -> list[dict[str, Any]]:
    """The rows that reach the tables: objects with different ids."""
    by_id = {
        str(row["stockItemId"]): row
        for row in rows
        if type(row) is dict and centra_source._usable_id(row.get("stockItemId"))
    }
    return list(by_id.values())


@fuzz_settings(120)
@given(st.lists(_rows(size(1)), max_size=3))
def test_pages_of_centra_become_batches_or_an_error(pages: list[list[Any]]) -> None:
    client: Any = Pages([page for page in pages if page])
    try:
        rows = [row for batch in centra_source._batches(client, "/products", Findings()) for row in batch]
    except SourceError as error:
        check_readable(error)
    else:
        assert len(rows) == sum(map(len, pages))
        assert all(row["stockItemId"] for row in rows)


@fuzz_settings(200)
@given(_rows(size(1)), st.lists(PRICE | JSON, max_size=3))
def test_rows_of_centra_become_tables_or_an_error(rows: list[Any], prices: list[Any]) -> None:
    given_rows = unique([*rows, size(7, prices=prices)])
    findings = Findings()
    complete_table(lambda: centra_source.product_table(given_rows, findings), len(given_rows))
    complete_table(lambda: centra_source.price_table(given_rows, findings))
    json.dumps(findings.facts()).encode()
    assert all(name.isprintable() for name in findings.type_mismatches.values())


@fuzz_settings(100)
@given(_rows({"stockItemId": 1, "physicalStock": 1, "allocatedStock": "0", "availableStock": 1}))
def test_stock_of_centra_becomes_a_table_or_an_error(rows: list[Any]) -> None:
    given_rows = unique(rows)
    complete_table(
        lambda: table(given_rows, STOCK, centra_source._row_label(given_rows), Findings(), known=STOCK_KNOWN),
        len(given_rows),
    )


@fuzz_settings(150)
@given(
    _rows(
        {"id": "1", "code": "A", "name": "n", "salesPrice": "1.0", "eanCode": None, "languageCode": "en", "stock": 1}
    ),
    _rows({"productCode": "A", "stock": 1, "stockAvailable": 1, "reserved": None, "modified": ""}),
)
def test_lists_of_myogo_become_tables_or_an_error(products: list[Any], stock: list[Any]) -> None:
    for rows, fields, key in ((products, HELD, "code"), (stock, HELD_STOCK, "productCode")):
        client: Any = Pages([rows])
        listed = [row for rows in myogo_source.batches(client, "/api/v1/Products") for row in rows]
        batch = with_keys(listed, key, myogo_source._usable_code)
        arrow_table = complete_table(
            lambda b=batch, f=fields, k=key: myogo_source._table(b, f, k, Findings()), len(batch)
        )
        assert arrow_table is not None
        assert all(arrow_table[fields[0].column if key != "code" else "code"].to_pylist())


@fuzz_settings(20)
@given(_rows(size(1)), st.lists(PRICE | JSON, max_size=3))
def test_each_staged_row_ends_in_one_bucket(rows: list[Any], prices: list[Any]) -> None:
    """No row is added or lost, and each product to send has a code, a price and a name."""
    given_rows = unique([*rows, size(7, prices=prices)])
    sizes = complete_table(lambda: centra_source.product_table(given_rows, Findings()))
    entries = complete_table(lambda: centra_source.price_table(given_rows, Findings()))
    if sizes is None or entries is None:
        return
    products = to_myogo(sizes.to_pandas(), entries.to_pandas(), Params())
    assert list(products["stock_item_id"]) == [str(row["stockItemId"]) for row in given_rows]
    live = products[["code", "ean_code"]].assign(name=None, stock=None, unreadable=None).iloc[:1]
    issues = withheld(products, entries.to_pandas(), live, "EUR", False)
    warnings(products, selected(products, ("*",), ()), live, None)
    assert set(issues["row"]) <= set(products.index)
    sent = products[~products.index.isin(issues["row"])]
    assert sent[["code", "sales_price", "name", "language_code"]].notna().all(axis=None)
    assert sent["code"].is_unique
    assert (sent["sales_price"] > 0).all()
    assert sent["mismatched"].isna().all()
