"""The parameters of the flows that the page with the settings asks for; docs/ has all of them."""

from __future__ import annotations

from pipelines.engine.param_question import ParamQuestion

_PRICE_LISTS = """
    select pricelist_id as value,
           concat(pricelist_id, coalesce(' (' || nullif(any_value(pricelist), '') || ')', ''), ', ',
                  count(distinct stock_item_id), ' sizes') as label
    from raw_centra.prices where upper(currency) = upper($currency) and coalesce(pricelist_id, '') <> ''
    group by pricelist_id order by try_cast(pricelist_id as bigint), pricelist_id"""
# Per order: the method that its shipment has if none is mapped (transforms/shipping.py).
_METHODS = """
    with methods as (
        select order_id, trim(coalesce(nullif(trim(shipping_list), ''), nullif(trim(ingrid_method), ''),
                              nullif(trim(default_carrier), ''), nullif(trim(delivery_service), ''),
                              json_extract_string(try_cast(shipping_terms as json), '$.name'))) as method
        from (select order_id, shipping_list, ingrid_method, default_carrier, delivery_service, shipping_terms
              from raw_centra.shipments
              union all by name
              select order_id, shipping_list, ingrid_method, default_carrier, delivery_service, shipping_terms
              from raw_centra.orders))
    select method as value, concat(count(distinct order_id), ' orders') as label
    from methods where method <> '' group by method order by count(distinct order_id) desc, method limit 100"""
_SHIPPING_CODES = """
    select trim(shipping_code) as value, concat(count(*), ' orders') as label
    from raw_myogo.orders where trim(shipping_code) <> '' group by 1 order by count(*) desc, 1 limit 100"""

PRODUCTS = (
    ParamQuestion("currency", "Currency of the prices", "Three letters, such as EUR"),
    ParamQuestion(
        "pricelist_id",
        "Price list",
        "The price list of all products. Empty: the one that most sizes have in this currency.",
        seen=_PRICE_LISTS,
    ),
    ParamQuestion("language", "Language of the texts", "Two letters, such as en"),
)
STOCK = (
    ParamQuestion(
        "goods_received",
        "The goods are in stock",
        "Tick it once the goods are in the warehouse and counted: until then, nothing is written.",
        kind="flag",
    ),
    ParamQuestion(
        "stock_update_type",
        "Stock update type",
        "The setting of that name in Centra's Order API plugin",
        kind="choice",
        options=(("physical", "physical stock"), ("fta", "free to allocate")),
    ),
)
_STARTING = ParamQuestion("starting", "Starting day", "Orders placed before this day are left alone.", kind="date")
ORDERS = (
    _STARTING,
    ParamQuestion(
        "status",
        "Status of new orders in myOGO",
        kind="choice",
        options=(("Draft", "Draft: nothing is shipped"), ("New", "New: the warehouse ships them")),
    ),
    ParamQuestion("test", "Test orders", "myOGO does not ship them.", kind="flag"),
    ParamQuestion("capture", "Take the payment before an order is sent", kind="flag"),
    ParamQuestion(
        "shipping",
        "Shipping methods",
        "An order with a method that has no code here is withheld. A line without a code is left out.",
        kind="mapping",
        columns=("Method in Centra", "Code in myOGO"),
        seen=_METHODS,
    ),
)
TRACKING = (
    _STARTING,
    ParamQuestion(
        "carriers",
        "Carriers",
        "What Centra shows for a shipping code of myOGO. A code without a line here stands for itself.",
        kind="table",
        columns=("Code in myOGO", "Carrier in Centra", "Service", "Tracked"),
        parts=(("carrier", ""), ("service", ""), ("tracked", True)),
        seen=_SHIPPING_CODES,
    ),
)
