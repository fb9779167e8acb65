"""The views of the stock flow, of the stock of both sides, and its daily history."""

from __future__ import annotations

from pipelines.flows.kept_codes import CODED_SIZES
from pipelines.state.daily_amounts import DailyAmounts
from pipelines.state.schema import View, columns
from schemas.fields.spec import UNREADABLE

# Per code: the stock of all sizes with the code, and what the first of them is.
_CENTRA_STOCK = f"""
    select p.code, count(*) as sizes, cast(sum(s.physical_stock) as bigint) as centra_physical,
           cast(sum(s.allocated_stock) as bigint) as centra_allocated,
           cast(sum(s.available_stock) as bigint) as centra_available,
           arg_min(nullif(p.brand, ''), p.stock_item_id) as brand,
           arg_min(coalesce(nullif(p.name, ''), nullif(p.product, '')), p.stock_item_id) as name,
           arg_min(nullif(p.variant, ''), p.stock_item_id) as variant,
           arg_min(nullif(p.size, ''), p.stock_item_id) as size
    from {CODED_SIZES} p left join raw_centra.stock s using (stock_item_id) group by 1"""
MYOGO_STOCK = f"""
    select product_code as code, cast(sum(stock) as bigint) as myogo_stock,
           cast(sum(reserved) as bigint) as myogo_reserved, cast(sum(stock_available) as bigint) as myogo_available,
           max(modified) as myogo_modified, max(try_cast(modified as timestamp)) as myogo_changed_at
    from raw_myogo.stock where not starts_with(product_code, '{UNREADABLE}') group by 1"""

SIDE_BY_SIDE = View(
    "v_stock_side_by_side",
    "Stock of each code in Centra and in myOGO; null if a side does not have the code.",
    f"""
    with centra as ({_CENTRA_STOCK}),
    myogo as ({MYOGO_STOCK}),
    named as (select code, min(nullif(name, '')) as name from raw_myogo.products group by 1)
    select coalesce(c.code, m.code) as code, c.sizes, c.centra_physical, c.centra_allocated, c.centra_available,
           m.myogo_stock, m.myogo_reserved, m.myogo_available, m.myogo_modified,
           m.myogo_available - c.centra_available as difference, c.brand, coalesce(c.name, n.name) as name, c.variant,
           c.size, m.myogo_changed_at
    from centra c full join myogo m on c.code = m.code left join named n on n.code = m.code order by 1
    """,
    columns(
        """
        code varchar | The combined code.
        sizes bigint | How many sizes of Centra have the code; their stock is summed.
        centra_physical bigint | Units on the shelf, in Centra.
        centra_allocated bigint | Units reserved in Centra.
        centra_available bigint | Units that Centra may still sell.
        myogo_stock bigint | Units in the warehouse.
        myogo_reserved bigint | Units reserved in myOGO.
        myogo_available bigint | Units that can be ordered from myOGO.
        myogo_modified varchar | When myOGO's number last changed, as myOGO wrote it.
        difference bigint | myogo_available minus centra_available, in units.
        brand varchar | Brand in Centra.
        name varchar | Centra's name, or else myOGO's.
        variant varchar | Name of the variant in Centra.
        size varchar | Label of the size in Centra.
        myogo_changed_at timestamp | When myOGO's number last changed, as myOGO wrote it.
        """
    ),
)
LISTED = """
    select stock_item_id as source_id, code, product_id, coalesce(name, myogo_name) as name, variant, size, brand,
           in_myogo as in_source, in_centra as in_target, myogo_available as source_stock,
           centra_available as target_stock, nullif(centra_code, code) as other_code
    from v_products"""
STOCK_BY_DAY = View(
    "v_stock_by_day",
    "Stock of each code in each system, a row per day: as the last run of the day read it, or else as it was known.",
    """
    with last as (
        select greatest((select max(on_day) from sync.stock_daily), max(cast(started_at as date))) as last_day
        from sync.runs where exit_code in (0, 3)),
    periods as (
        select system, code, on_day as first_day, stock, available,
               lead(on_day) over (partition by system, code order by on_day) as next_day
        from sync.stock_daily),
    days as (
        select system, code, stock, available, unnest(generate_series(
            first_day, coalesce(next_day - interval 1 day, last_day), interval 1 day)) as on_day
        from periods, last where stock is not null or available is not null)
    select cast(on_day as date) as on_day, system, code, stock, available from days
    """,
    columns(
        """
        on_day date | The day (UTC).
        system varchar | centra or myogo.
        code varchar | The combined code.
        stock bigint | Units on the shelf: Centra's physical stock, or what is in the warehouse.
        available bigint | Units that Centra may still sell, or that can be ordered from myOGO.
        """
    ),
    of_channels="""
    with runs as (
        select channel, max(cast(started_at as date)) as run_day from {schema}.sync_runs
        where exit_code in (0, 3) group by channel),
    known as (select channel, max(on_day) as known_day from {schema}.sync_stock_daily group by channel),
    periods as (
        select channel, system, code, on_day as first_day, stock, available,
               lead(on_day) over (partition by channel, system, code order by on_day) as next_day
        from {schema}.sync_stock_daily)
    select p.channel, cast(d.on_day as date) as on_day, p.system, p.code, p.stock, p.available
    from periods p join known using (channel) left join runs using (channel)
    cross join lateral generate_series(
        cast(p.first_day as timestamp), cast(coalesce(p.next_day - 1, greatest(known_day, run_day)) as timestamp),
        interval '1 day') as d (on_day)
    where p.stock is not null or p.available is not null
    """,
)
DAILY_STOCK = (
    DailyAmounts(
        "sync.stock_daily",
        "centra",
        f"select code, centra_physical as stock, centra_available as available from ({_CENTRA_STOCK}) where code <> ''",
    ),
    DailyAmounts(
        "sync.stock_daily",
        "myogo",
        f"select code, myogo_stock as stock, myogo_available as available from ({MYOGO_STOCK})",
    ),
)
VIEWS = (SIDE_BY_SIDE, STOCK_BY_DAY)
