"""The fields of myOGO's products and stock that are staged.

The models come from OGOship's published client (2019-2021). Live answers may have more fields, which are kept raw and
never sent back changed. An unexpected type in a field that determines what we write withholds what we would write.
"""

from __future__ import annotations

from schemas.fields.spec import FieldSpec

PRODUCTS = (
    FieldSpec("id", "id", "text", on_type_mismatch="report"),
    FieldSpec("code", "code", "id", required=True),
    FieldSpec("name", "name", "text", on_type_mismatch="withhold"),
    FieldSpec("description", "description", "text", on_type_mismatch="withhold"),
    FieldSpec("supplier_code", "supplierCode", "text", on_type_mismatch="report"),
    FieldSpec("supplier", "supplier", "text", on_type_mismatch="withhold"),
    FieldSpec("product_group", "group", "text", on_type_mismatch="withhold"),
    FieldSpec("ean_code", "eanCode", "text", on_type_mismatch="withhold"),
    FieldSpec("supply_price", "supplyPrice", "number", on_type_mismatch="report"),
    FieldSpec("sales_price", "salesPrice", "number", on_type_mismatch="withhold"),
    FieldSpec("currency_code", "currencyCode", "text", on_type_mismatch="report"),
    FieldSpec("info_url", "infoUrl", "text", on_type_mismatch="report"),
    FieldSpec("picture_url", "pictureUrl", "text", on_type_mismatch="withhold"),
    FieldSpec("country_of_origin", "countryOfOrigin", "text", on_type_mismatch="withhold"),
    FieldSpec("language_code", "languageCode", "text", on_type_mismatch="withhold"),
    FieldSpec("customs_description", "customsDescription", "text", on_type_mismatch="withhold"),
    FieldSpec("hs_code", "hsCode", "text", on_type_mismatch="withhold"),
    FieldSpec("stock", "stock", "number", on_type_mismatch="report"),
    FieldSpec("stock_available", "stockAvailable", "number", on_type_mismatch="report"),
    FieldSpec("reserved", "reserved", "number", on_type_mismatch="report"),
    FieldSpec("stock_update", "stockUpdate", "number", on_type_mismatch="report"),
    FieldSpec("stock_update_time", "stockUpdateTime", "text", on_type_mismatch="report"),
    FieldSpec("edit_time", "editTime", "text", on_type_mismatch="report"),
)

STOCK = (
    FieldSpec("product_code", "productCode", "id", required=True),
    FieldSpec("stock", "stock", "integer", required=True, on_type_mismatch="withhold"),
    FieldSpec("stock_available", "stockAvailable", "integer", required=True, on_type_mismatch="withhold"),
    FieldSpec("reserved", "reserved", "integer", on_type_mismatch="report"),
    FieldSpec("modified", "modified", "text", on_type_mismatch="report"),
)

READ_ONLY = frozenset({"id", "stock", "stockAvailable", "reserved", "stockUpdate", "stockUpdateTime", "editTime"})
