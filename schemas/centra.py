"""What we rely on in Centra's `GET /products` and `GET /stock`, and what we mirror besides.

Centra documents absent text as `""`, null or a missing key, ids and prices as text or number, and flags as
0/1 or true/false. The parts of the code are relied on: a code built while one of them is missing would be a
different code.
"""

from __future__ import annotations

from schemas.fields import Field

_IDENTITY = (
    Field("stock_item_id", "stockItemId", "id", relied_on=True),
    Field("product_id", "productId", "text"),
    Field("variant_id", "variantId", "text"),
    Field("sku", "sku", "text", relied_on=True),
    Field("variant_sku", "variantSku", "text", relied_on=True),
    Field("size_sku", "sizeSku", "text", relied_on=True),
    Field("brand", "brand", "text"),
    Field("collection", "collection", "text"),
    Field("product", "product", "text"),
    Field("variant", "variant", "text"),
    Field("size", "size", "text"),
    Field("size_comment", "sizeComment", "text"),
    Field("ean", "ean", "text"),
    Field("upc", "upc", "text"),
    Field("weight", "weight", "number"),
    Field("weight_unit", "weightUnit", "text"),
    Field("country_of_origin", "countryOfOrigin", "text"),
    Field("harm_code", "harmCode", "text"),
    Field("harm_description", "harmDescription", "text"),
    Field("active", "active", "flag", relied_on=True),
    Field("created_at", "createdAt", "text"),
    Field("category_name", "categoryName", "text"),
)

PRODUCTS = (
    *_IDENTITY,
    Field("name", "name", "text"),
    Field("description", "description", "text"),
    Field("short_description", "shortDescription", "text"),
    Field("comment", "comment", "text"),
    Field("meta_title", "metaTitle", "text"),
    Field("meta_description", "metaDescription", "text"),
    Field("meta_keywords", "metaKeywords", "text"),
    Field("folder", "folder", "text"),
    Field("store", "store", "text"),
    Field("categories", "categories", "texts"),
    Field("images", "images", "texts"),
)

PRICES_KEY = "prices"

PRICES = (
    Field("pricelist_id", "id", "text"),
    Field("pricelist", "pricelist", "text"),
    Field("currency", "currency", "text"),
    Field("price", "price", "number"),
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
