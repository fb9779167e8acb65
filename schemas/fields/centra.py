"""What we rely on in Centra's `GET /products` and `GET /stock`, and what we mirror besides.

Centra documents absent text as `""`, null or a missing key, ids and prices as text or number, and flags as
0/1 or true/false. The parts of the code are relied on: a code built while one of them is missing would be a
different code. They stop the run when they are of another type; a field that the product is made of costs its row,
and one that is only mirrored is told.
"""

from __future__ import annotations

from schemas.fields.spec import Field

_IDENTITY = (
    Field("stock_item_id", "stockItemId", "id", relied_on=True),
    Field("product_id", "productId", "text", if_odd="tell"),
    Field("variant_id", "variantId", "text", if_odd="tell"),
    Field("sku", "sku", "text", relied_on=True),
    Field("variant_sku", "variantSku", "text", relied_on=True),
    Field("size_sku", "sizeSku", "text", relied_on=True),
    Field("brand", "brand", "text", if_odd="withhold"),
    Field("collection", "collection", "text", if_odd="tell"),
    Field("product", "product", "text", if_odd="withhold"),
    Field("variant", "variant", "text", if_odd="withhold"),
    Field("size", "size", "text", if_odd="withhold"),
    Field("size_comment", "sizeComment", "text", if_odd="tell"),
    Field("ean", "ean", "text", if_odd="withhold"),
    Field("upc", "upc", "text", if_odd="withhold"),
    Field("weight", "weight", "number", if_odd="tell"),
    Field("weight_unit", "weightUnit", "text", if_odd="tell"),
    Field("country_of_origin", "countryOfOrigin", "text", if_odd="withhold"),
    Field("harm_code", "harmCode", "text", if_odd="withhold"),
    Field("harm_description", "harmDescription", "text", if_odd="withhold"),
    Field("active", "active", "flag", relied_on=True),
    Field("created_at", "createdAt", "text", if_odd="tell"),
    Field("category_name", "categoryName", "text", if_odd="withhold"),
)

PRODUCTS = (
    *_IDENTITY,
    Field("name", "name", "text", if_odd="withhold"),
    Field("description", "description", "text", if_odd="withhold"),
    Field("short_description", "shortDescription", "text", if_odd="withhold"),
    Field("comment", "comment", "text", if_odd="tell"),
    Field("meta_title", "metaTitle", "text", if_odd="tell"),
    Field("meta_description", "metaDescription", "text", if_odd="tell"),
    Field("meta_keywords", "metaKeywords", "text", if_odd="tell"),
    Field("folder", "folder", "text", if_odd="withhold"),
    Field("store", "store", "text", if_odd="withhold"),
    Field("categories", "categories", "texts", if_odd="withhold"),
    Field("images", "images", "texts", if_odd="withhold"),
)

PRICES_KEY = "prices"

PRICES = (
    Field("pricelist_id", "id", "text", if_odd="withhold"),
    Field("pricelist", "pricelist", "text", if_odd="tell"),
    Field("currency", "currency", "text", if_odd="withhold"),
    Field("price", "price", "number", if_odd="tell"),
    Field("campaigns", "campaigns", "json"),
)

# A stock row is a product row without texts, plus three numbers; only what identifies it is mirrored.
STOCK = (
    Field("stock_item_id", "stockItemId", "id", relied_on=True),
    Field("physical_stock", "physicalStock", "integer", relied_on=True),
    Field("allocated_stock", "allocatedStock", "integer", relied_on=True),
    Field("available_stock", "availableStock", "integer", relied_on=True),
)

STOCK_KNOWN = frozenset(field.vendor for field in (*PRODUCTS, *STOCK))
