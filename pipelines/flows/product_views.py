"""The views of the products flow: both sides of each product, codes in use twice, missing prices, price changes."""

from __future__ import annotations

from pipelines.flows.kept_codes import CODED_SIZES
from pipelines.flows.stock_views import MYOGO_STOCK
from pipelines.state.daily_amounts import DailyAmounts
from pipelines.state.schema import Table, View, columns
from schemas.fields.spec import UNREADABLE

PRICE_LIST = Table(
    "out_myogo.price_list",
    "The price list that the products of the newest run follow; without rows if no list has the channel's currency.",
    columns(
        """
        pricelist_id varchar | The price list in Centra.
        currency varchar | The channel's currency.
        """
    ),
)
# Per size: its price in that list, null if it has none, more than one, or one that is not a number.
PRICES_IN_CENTRA = """
    select stock_item_id, any_value(pricelist_id) as pricelist_id, any_value(currency) as currency,
           case when count(distinct price) = 1 then any_value(try_cast(price as decimal(18, 4))) end as price
    from raw_centra.prices semi join out_myogo.price_list using (pricelist_id, currency) group by stock_item_id"""
# Per code: the product, and how many products have the code.
_MYOGO_PRODUCTS = f"""
    select code, count(*) over (partition by code) as product_count, nullif(name, '') as name,
           nullif(supplier, '') as supplier, nullif(product_group, '') as product_group,
           nullif(ean_code, '') as ean, try_cast(sales_price as decimal(18, 4)) as price,
           nullif(currency_code, '') as currency, try_cast(edit_time as timestamp) as edited_at
    from raw_myogo.products where not starts_with(code, '{UNREADABLE}')
    qualify row_number() over (partition by code order by id) = 1"""

PRODUCTS = View(
    "v_products",
    "Both sides of each product, with typed columns: one row per size of Centra, and per code that only myOGO has. "
    "Sizes that share a code (size_count) repeat what myOGO has of it.",
    f"""
    with sizes as (
        select nullif(p.code, '') as code, p.* exclude (code), s.physical_stock, s.allocated_stock, s.available_stock,
               e.price, e.currency, e.pricelist_id
        from {CODED_SIZES} p left join raw_centra.stock s using (stock_item_id)
        left join ({PRICES_IN_CENTRA}) e using (stock_item_id)),
    products as ({_MYOGO_PRODUCTS}),
    stocks as ({MYOGO_STOCK}),
    broken as (
        select source_id, string_agg(rule, ', ' order by rule) as rules from sync.issues
        where flow = 'products' and closed_at is null group by source_id)
    select coalesce(c.code, m.code) as code, c.stock_item_id, c.product_id, nullif(c.brand, '') as brand,
           nullif(c.collection, '') as collection, nullif(c.folder, '') as folder,
           nullif(c.category_name, '') as category, coalesce(nullif(c.name, ''), nullif(c.product, '')) as name,
           nullif(c.variant, '') as variant, nullif(c.size, '') as size, nullif(c.ean, '') as ean, c.active,
           try_cast(c.created_at as timestamp) as created_at, try_cast(c.weight as decimal(18, 4)) as weight,
           nullif(c.weight_unit, '') as weight_unit, nullif(c.country_of_origin, '') as country_of_origin,
           nullif(c.harm_code, '') as hs_code, c.price as eur_price, c.currency, c.pricelist_id,
           c.physical_stock as centra_physical, c.allocated_stock as centra_allocated,
           c.available_stock as centra_available,
           case when c.code is not null then count(*) over (partition by c.code, c.stock_item_id is null) end
               as size_count,
           b.rules as withheld_by, c.stock_item_id is not null as in_centra, m.code is not null as in_myogo,
           m.product_count, m.name as myogo_name, m.supplier as myogo_supplier, m.product_group as myogo_group,
           m.ean as myogo_ean, m.price as myogo_price, m.currency as myogo_currency, m.edited_at as myogo_edited_at,
           k.myogo_stock, k.myogo_reserved, k.myogo_available, k.myogo_changed_at,
           k.myogo_available - c.available_stock as difference, nullif(c.centra_code, '') as centra_code
    from sizes c full join products m on c.code = m.code
    left join stocks k on k.code = coalesce(c.code, m.code)
    left join broken b on b.source_id = c.stock_item_id
    order by 1, 2
    """,
    columns(
        """
        code varchar | The code in myOGO: sku + variant_sku + size_sku, or that of kept_codes; null if all are empty.
        stock_item_id varchar | The size in Centra; null if only myOGO has the code.
        product_id varchar | The product in Centra.
        brand varchar | Brand in Centra.
        collection varchar | Collection in Centra.
        folder varchar | Folder in Centra.
        category varchar | Category in Centra.
        name varchar | Centra's name, or else product.
        variant varchar | Name of the variant.
        size varchar | Label of the size.
        ean varchar | EAN in Centra, as text.
        active boolean | Whether Centra sells it.
        created_at timestamp | When Centra created it, in the shop's time zone.
        weight decimal(18, 4) | Weight in Centra; weight_unit has its unit.
        weight_unit varchar | The unit of weight.
        country_of_origin varchar | Country of origin in Centra.
        hs_code varchar | Customs tariff number in Centra.
        eur_price decimal(18, 4) | Centra's price in the price list that the channel follows, in its currency.
        currency varchar | The currency of eur_price: EUR, unless the channel file names another one.
        pricelist_id varchar | The price list of eur_price.
        centra_physical bigint | Units on the shelf, in Centra.
        centra_allocated bigint | Units reserved in Centra.
        centra_available bigint | Units that Centra may still sell.
        size_count bigint | How many sizes of Centra have the code; null if the code is empty.
        withheld_by varchar | The rules that withhold it from myOGO; null if none does.
        in_centra boolean | Whether Centra has it.
        in_myogo boolean | Whether myOGO has the code.
        product_count bigint | How many products of myOGO have the code; the columns show one of them.
        myogo_name varchar | Name in myOGO.
        myogo_supplier varchar | Supplier in myOGO: the brand.
        myogo_group varchar | Group in myOGO: the category.
        myogo_ean varchar | EAN in myOGO, as text.
        myogo_price decimal(18, 4) | Sales price in myOGO.
        myogo_currency varchar | The currency that myOGO states, if it states one.
        myogo_edited_at timestamp | When the product was last edited, as myOGO wrote it.
        myogo_stock bigint | Units in the warehouse.
        myogo_reserved bigint | Units reserved in myOGO.
        myogo_available bigint | Units that can be ordered from myOGO.
        myogo_changed_at timestamp | When myOGO's stock last changed, as myOGO wrote it.
        difference bigint | myogo_available minus centra_available, in units.
        centra_code varchar | The code in Centra: another one than code if the size keeps an old product of myOGO.
        """
    ),
    sheet="products",
)
DUPLICATE_CODES = View(
    "v_duplicate_codes",
    "Each size of Centra whose combined code another size has too, with those other owners; sizes with one code follow "
    "each other.",
    f"""
    with sizes as (
        select coalesce(nullif(name, ''), product) as shown_name, * from {CODED_SIZES}
        qualify count(*) over (partition by code) > 1),
    owners as (
        select code, stock_item_id, concat_ws(', ', stock_item_id, shown_name, nullif(variant, ''), nullif(size, ''),
               case when not active then 'inactive' end) as owner
        from sizes where code <> '')
    select s.code, s.stock_item_id, s.product_id, s.sku, s.variant_sku, s.size_sku, s.shown_name as name, s.variant,
           s.size, s.active, count(*) + 1 as size_count, s.brand,
           string_agg(o.owner, '; ' order by o.stock_item_id) as other_owners
    from sizes s join owners o on o.code = s.code and o.stock_item_id <> s.stock_item_id
    group by all order by s.code, s.stock_item_id
    """,
    columns(
        """
        code varchar | sku + variant_sku + size_sku.
        stock_item_id varchar | The size in Centra.
        product_id varchar | The product in Centra.
        sku varchar | First part of the code.
        variant_sku varchar | Second part.
        size_sku varchar | Third part.
        name varchar | name, or else product.
        variant varchar | Name of the variant.
        size varchar | Label of the size.
        active boolean | Whether Centra sells it.
        size_count bigint | How many sizes have the code.
        brand varchar | Brand in Centra.
        other_owners varchar | The other sizes with the code: id, name, variant and size of each.
        """
    ),
)
MISSING_PRICE = View(
    "v_missing_euro_price",
    "Sizes of the newest run without a price in the channel's currency; the message lists their currencies.",
    """
    select w.code, w.source_id as stock_item_id, coalesce(nullif(p.name, ''), p.product) as name, p.variant, p.size,
           w.since, w.message, p.brand, p.product_id
    from sync.withheld w left join raw_centra.products p on p.stock_item_id = w.source_id
    where w.rule = 'PRICE-001' and w.run_id = (select f.run_id from sync.flows f join sync.runs r using (run_id)
        where f.flow = 'products' and f.rows_read > 0 order by r.started_at desc limit 1)
    order by w.code
    """,
    columns(
        """
        code varchar | The combined code.
        stock_item_id varchar | The size in Centra.
        name varchar | name, or else product.
        variant varchar | Name of the variant.
        size varchar | Label of the size.
        since timestamp | Since when the price is missing, UTC.
        message varchar | Lists the currencies that have a price.
        brand varchar | Brand in Centra.
        product_id varchar | The product in Centra.
        """
    ),
)
PRICE_CHANGES = View(
    "v_price_changes",
    "Changes of prices, by day: those of Centra's price list that the channel follows, and those in myOGO.",
    f"""
    with steps as (
        select *, lag(price) over before as old_price, row_number() over before as step
        from sync.prices_daily window before as (partition by system, code order by on_day)),
    named as (
        select code, arg_min(nullif(brand, ''), stock_item_id) as brand,
               arg_min(coalesce(nullif(name, ''), nullif(product, '')), stock_item_id) as name
        from {CODED_SIZES} group by 1)
    select s.on_day, s.system, s.code, s.currency, s.old_price, s.price as new_price,
           cast(s.price - s.old_price as decimal(18, 4)) as difference,
           cast(round(100 * (s.price - s.old_price) / nullif(s.old_price, 0), 2) as decimal(18, 2)) as change_percent,
           n.brand, n.name
    from steps s left join named n using (code)
    where s.step > 1 and s.price is distinct from s.old_price order by s.on_day, s.code, s.system
    """,
    columns(
        """
        on_day date | The day (UTC) on which the new price was read first.
        system varchar | centra or myogo.
        code varchar | The combined code.
        currency varchar | The currency, if the system states it.
        old_price decimal(18, 4) | The price before; null if there was none.
        new_price decimal(18, 4) | The price since then; null if there is none.
        difference decimal(18, 4) | new_price minus old_price.
        change_percent decimal(18, 2) | The difference, in percent of old_price.
        brand varchar | Brand in Centra.
        name varchar | Centra's name, or else product.
        """
    ),
    sheet="price changes",
)
DAILY_PRICES = (
    DailyAmounts(
        "sync.prices_daily",
        "centra",
        f"""
        select p.code, any_value(e.currency) as currency,
               case when count(distinct e.price) = 1 then any_value(e.price) end as price
        from {CODED_SIZES} p join ({PRICES_IN_CENTRA}) e using (stock_item_id) group by 1 having p.code <> ''""",
    ),
    DailyAmounts("sync.prices_daily", "myogo", f"select code, currency, price from ({_MYOGO_PRODUCTS})"),
)
VIEWS = (PRODUCTS, DUPLICATE_CODES, MISSING_PRICE, PRICE_CHANGES)
