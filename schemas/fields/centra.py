"""The fields of Centra's `GET /products` and `GET /stock` that are staged.

Centra documents absent text as `""`, null or a missing key, ids and prices as text or number, and flags as
0/1 or true/false. The parts of the code are required, because a code without one of them would be a different code; a
row with a part of an unexpected type is withheld, and so is one whose part comes as an integer but was another text. An
unexpected type in a field used to build the product or the amount withholds that row; in a field that is only staged it
is reported.
"""

from __future__ import annotations

from schemas.fields.spec import FieldSpec

_IDENTITY = (
    FieldSpec("stock_item_id", "stockItemId", "id", required=True),
    FieldSpec("product_id", "productId", "text", on_type_mismatch="report"),
    FieldSpec("variant_id", "variantId", "text", on_type_mismatch="report"),
    FieldSpec("sku", "sku", "text", required=True, on_type_mismatch="withhold"),
    FieldSpec("variant_sku", "variantSku", "text", required=True, on_type_mismatch="withhold"),
    FieldSpec("size_sku", "sizeSku", "text", required=True, on_type_mismatch="withhold"),
    FieldSpec("brand", "brand", "text", on_type_mismatch="withhold"),
    FieldSpec("collection", "collection", "text", on_type_mismatch="report"),
    FieldSpec("product", "product", "text", on_type_mismatch="withhold"),
    FieldSpec("variant", "variant", "text", on_type_mismatch="withhold"),
    FieldSpec("size", "size", "text", on_type_mismatch="withhold"),
    FieldSpec("size_comment", "sizeComment", "text", on_type_mismatch="report"),
    FieldSpec("ean", "ean", "text", on_type_mismatch="withhold"),
    FieldSpec("upc", "upc", "text", on_type_mismatch="withhold"),
    FieldSpec("weight", "weight", "number", on_type_mismatch="report"),
    FieldSpec("weight_unit", "weightUnit", "text", on_type_mismatch="report"),
    FieldSpec("country_of_origin", "countryOfOrigin", "text", on_type_mismatch="withhold"),
    FieldSpec("harm_code", "harmCode", "text", on_type_mismatch="withhold"),
    FieldSpec("harm_description", "harmDescription", "text", on_type_mismatch="withhold"),
    FieldSpec("active", "active", "flag", required=True, on_type_mismatch="withhold"),
    FieldSpec("created_at", "createdAt", "text", on_type_mismatch="report"),
    FieldSpec("category_name", "categoryName", "text", on_type_mismatch="withhold"),
)

# The combined code, in SQL: the parts verbatim and without a separator, "" if all of them are empty or absent.
CODE_PARTS = ("sku", "variant_sku", "size_sku")
CODE_FIELDS = ("sku", "variantSku", "sizeSku")  # their names in Centra's answers
CODE_SQL = " || ".join(f"coalesce({part}, '')" for part in CODE_PARTS)

PRODUCTS = (
    *_IDENTITY,
    FieldSpec("name", "name", "text", on_type_mismatch="withhold"),
    FieldSpec("description", "description", "text", on_type_mismatch="withhold"),
    FieldSpec("short_description", "shortDescription", "text", on_type_mismatch="withhold"),
    FieldSpec("comment", "comment", "text", on_type_mismatch="report"),
    FieldSpec("meta_title", "metaTitle", "text", on_type_mismatch="report"),
    FieldSpec("meta_description", "metaDescription", "text", on_type_mismatch="report"),
    FieldSpec("meta_keywords", "metaKeywords", "text", on_type_mismatch="report"),
    FieldSpec("folder", "folder", "text", on_type_mismatch="withhold"),
    FieldSpec("store", "store", "text", on_type_mismatch="withhold"),
    FieldSpec("categories", "categories", "texts", on_type_mismatch="withhold"),
    FieldSpec("images", "images", "texts", on_type_mismatch="withhold"),
)

PRICES_KEY = "prices"

PRICES = (
    FieldSpec("pricelist_id", "id", "text", on_type_mismatch="withhold"),
    FieldSpec("pricelist", "pricelist", "text", on_type_mismatch="report"),
    FieldSpec("currency", "currency", "text", on_type_mismatch="withhold"),
    FieldSpec("price", "price", "number", on_type_mismatch="report"),
    FieldSpec("campaigns", "campaigns", "json"),
)

# A stock row is a product row without texts, plus three numbers; of the product's fields only the id is staged.
STOCK = (
    FieldSpec("stock_item_id", "stockItemId", "id", required=True),
    FieldSpec("physical_stock", "physicalStock", "integer", required=True, on_type_mismatch="withhold"),
    FieldSpec("allocated_stock", "allocatedStock", "integer", required=True, on_type_mismatch="withhold"),
    FieldSpec("available_stock", "availableStock", "integer", required=True, on_type_mismatch="withhold"),
)

STOCK_KNOWN = frozenset(field.vendor for field in (*PRODUCTS, *STOCK))
