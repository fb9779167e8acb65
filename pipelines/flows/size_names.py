"""How the report names a size, and a product that only myOGO has."""

from __future__ import annotations

from pipelines.engine.flow import RowNames
from pipelines.flows.kept_codes import CODED_SIZES, TABLE
from schemas.fields.spec import UNREADABLE

# The code of a variant is its part of the code of each of its sizes.
_VARIANT_CODE = "coalesce(sku, '') || coalesce(variant_sku, '')"
_QUERY = f"""
    with sizes as (
        select stock_item_id, code, sku, {_VARIANT_CODE} as variant_code, product_id, variant_id, brand,
               coalesce(nullif(name, ''), product) as name, variant, size, active
        from {CODED_SIZES}),
    held as (
        select code, any_value(supplier) as supplier, any_value(name) as name from raw_myogo.products
        where code <> '' and not starts_with(code, '{UNREADABLE}') group by code)
    select s.stock_item_id as source_id, s.code, s.product_id, s.variant_id, s.sku as product_code, s.variant_code,
           s.brand, s.name, s.variant, s.size, case when not s.active then 'inactive' end as remark,
           case when h.code is null then ['centra'] else ['centra', 'myogo'] end as held_in
    from sizes s left join held h on h.code = s.code
    union all
    select null, code, null, null, null, null, supplier, name, null, null, null, ['myogo']
    from held anti join sizes using (code)"""
SIZE_NAMES = RowNames("size", "sizes", _QUERY, ("raw_centra.products", "raw_myogo.products", TABLE.name))
