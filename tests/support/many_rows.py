"""A published file with any number of rows of products, written by hand."""

from __future__ import annotations

import duckdb

from pipelines.state.store import Folder

# By the remainder of its number: only in Centra, differs, withheld, equal.
_TABLES = """
    delete from raw_centra.products; delete from raw_centra.stock; delete from sync.row_states;
    create temp table numbers as
        select i, i::varchar as id, 'C' || lpad(i::varchar, 6, '0') as code, 'run' as run_id, 'products' as flow
        from range($rows) made(i);
    insert into raw_centra.products by name
        select id as stock_item_id, id as product_id, code as sku, '' as variant_sku, '' as size_sku,
               'Brand ' || i % 5 as brand, 'Parka ' || i as name, true as active from numbers;
    insert into raw_myogo.products by name
        select id, code, 'Old' as name from numbers where i % 4 in (1, 3);
    insert into sync.row_states by name
        select flow, id as source_id, code as key, run_id, ['create', 'update', 'withheld'][i % 4 + 1] as state
        from numbers where i % 4 < 3;
    insert into sync.issues by name
        select flow, id as source_id, code, 'PRICE-001' as rule, 'No price.' as message,
               timestamp '2026-01-01' as since from numbers where i % 4 = 2;"""


def fill(folder: Folder, rows: int) -> None:
    """Replaces the products of the published file, which a run must have made."""
    with duckdb.connect(str(folder.published)) as db:
        db.execute(_TABLES.replace("$rows", str(rows)))
