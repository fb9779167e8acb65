"""A published file with any number of rows of products, written by hand."""

from __future__ import annotations

import duckdb

from pipelines.state.store import Folder

# By the remainder of its number: only in Centra, differs, withheld, equal.
_TABLES = """
    delete from raw_centra.products; delete from raw_centra.prices; delete from raw_centra.stock;
    delete from sync.row_states;
    create temp table numbers as
        select i, i::varchar as id, 'C' || lpad(i::varchar, 6, '0') as code, 'run' as run_id, 'products' as flow
        from range($rows) made(i);
    insert into raw_centra.products by name
        select id as stock_item_id, id as product_id, code as sku, '' as variant_sku, '' as size_sku,
               'Brand ' || i % 5 as brand, 'Parka ' || i as name, true as active, 'Winter' as collection,
               'Blue ' || i % 50 as variant, 'M' as size, (7350000000000 + i)::varchar as ean, '0.8' as weight,
               'kg' as weight_unit, 'PT' as country_of_origin, '62014000' as harm_code, 'Coats' as harm_description,
               'Jackets' as category_name, 'A parka of wool, number ' || i as description from numbers;
    insert into raw_centra.stock by name
        select id as stock_item_id, i % 40 as physical_stock, 0 as allocated_stock, i % 40 as available_stock
        from numbers;
    insert into raw_centra.prices by name
        select id as stock_item_id, list as position, ['36', '19', '20', '35'][list + 1] as pricelist_id,
               ['EUR', 'SEK', 'USD', 'GBP'][list + 1] as currency, '89.00' as price from numbers, range(4) lists(list);
    insert into raw_myogo.products by name
        select '00000001-0000-4000-8000-' || lpad(id, 12, '0') as id, code, 'Old' as name,
               'Brand ' || i % 5 as supplier, 'Jackets' as product_group, (7350000000000 + i)::varchar as ean_code,
               '89.00' as sales_price, 'A parka of wool, number ' || i as description,
               '2026-01-01T00:00:00Z' as edit_time from numbers where i % 4 in (1, 3);
    insert into raw_myogo.stock by name
        select code as product_code, i % 40 as stock, i % 40 as stock_available, 0 as reserved,
               '2026-01-01T00:00:00Z' as modified from numbers where i % 4 in (1, 3);
    insert into sync.row_states by name
        select flow, id as source_id, code as key, run_id, ['create', 'update', 'withheld'][i % 4 + 1] as state
        from numbers where i % 4 < 3;
    insert into sync.issues by name
        select flow, id as source_id, code, 'PRICE-001' as rule,
               'No EUR price in price list 36. Found GBP (list 35), SEK (list 19), USD (list 20).' as message,
               timestamp '2026-01-01' as since from numbers where i % 4 = 2;"""


def fill(folder: Folder, rows: int) -> None:
    """Replaces the products of the published file, which a run must have made."""
    with duckdb.connect(str(folder.published)) as db:
        db.execute(_TABLES.replace("$rows", str(rows)))
