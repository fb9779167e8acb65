"""What we rely on in myOGO's answers, and what a product must be before we send it.

The models come from OGOship's published client (2019-2021); live answers may hold more fields, which are
kept raw and never sent back changed. A field that decides what we write stops the run when it is of another type.
"""

from __future__ import annotations

from schemas.fields.spec import Field

PRODUCTS = (
    Field("id", "id", "text", if_odd="tell"),
    Field("code", "code", "id", relied_on=True),
    Field("name", "name", "text"),
    Field("description", "description", "text"),
    Field("supplier_code", "supplierCode", "text", if_odd="tell"),
    Field("supplier", "supplier", "text"),
    Field("group", "group", "text"),
    Field("ean_code", "eanCode", "text"),
    Field("supply_price", "supplyPrice", "number", if_odd="tell"),
    Field("sales_price", "salesPrice", "number"),
    Field("currency_code", "currencyCode", "text", if_odd="tell"),
    Field("info_url", "infoUrl", "text", if_odd="tell"),
    Field("picture_url", "pictureUrl", "text"),
    Field("country_of_origin", "countryOfOrigin", "text"),
    Field("language_code", "languageCode", "text"),
    Field("customs_description", "customsDescription", "text"),
    Field("hs_code", "hsCode", "text"),
    Field("stock", "stock", "number", if_odd="tell"),
    Field("stock_available", "stockAvailable", "number", if_odd="tell"),
    Field("reserved", "reserved", "number", if_odd="tell"),
    Field("stock_update", "stockUpdate", "number", if_odd="tell"),
    Field("stock_update_time", "stockUpdateTime", "text", if_odd="tell"),
    Field("edit_time", "editTime", "text", if_odd="tell"),
)

STOCK = (
    Field("product_code", "productCode", "id", relied_on=True),
    Field("stock", "stock", "integer", relied_on=True),
    Field("stock_available", "stockAvailable", "integer", relied_on=True),
    Field("reserved", "reserved", "integer", if_odd="tell"),
    Field("modified", "modified", "text", if_odd="tell"),
)

READ_ONLY = frozenset({"id", "stock", "stockAvailable", "reserved", "stockUpdate", "stockUpdateTime", "editTime"})
