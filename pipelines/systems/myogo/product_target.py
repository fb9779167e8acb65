"""Creates and updates products in myOGO, and looks a product up after an unclear answer."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pipelines.core.errors import (
    CentraMyogoError,
    TargetRefused,
    TargetUnknown,
)
from pipelines.systems.create_once import create_once, look_up_or_lost, unresolved
from pipelines.systems.http.failures import WriteRedirected
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.target import KeptOtherwise
from schemas.fields.myogo import READ_ONLY
from schemas.products.contract import PRODUCT

FOUND = "found by its code after an unclear answer"
ALREADY = "myOGO already holds this"


class ProductTarget:
    """Creates by GET and POST, updates by GET, merge and PUT with the full object.

    Never changes an EAN that myOGO has. If an answer does not prove the outcome, a look-up by code decides.
    """

    def __init__(self, clients: Mapping[str, Any], params: object = None) -> None:
        self.client: MyOgoClient = clients["myogo"]

    def create(self, key: str, product: dict[str, Any]) -> str:
        """Looks the code up first, because the effect of a POST of an existing code is not documented: it might
        overwrite or duplicate a product that was created after our list was read. Sends the POST again only after an
        answer proves that it was not served."""
        payload = _payload({PRODUCT.key: key, **product})
        products = self.client.products_with_code(key)
        if others := [row["code"] for row in products if row["code"] != key]:
            raise TargetRefused(f"A look-up of {key!r} in myOGO returns {others[0]!r}: myOGO treats them as one code.")
        if (existing := _only(key, products)) is not None:
            return _compare_existing(payload, existing)
        return create_once(
            self.client.config,
            create=lambda: self.client.create_product(payload),
            look_up=lambda: self._one(key),
            compare_existing=lambda existing, refusal: _compare_existing(payload, existing, refusal),
            accepted=lambda held: _different_fields_message(payload, held),
            found_message=FOUND,
        )

    def update(self, key: str, product: dict[str, Any]) -> str:
        held = self._one(key)
        if held is None:
            raise TargetRefused(f"{key!r} is no longer in myOGO; the next run will create it.", status=404, stale=True)
        changed = _payload(product)
        if held.get("eanCode"):
            changed.pop("eanCode", None)
        if not _different_fields(changed, held):
            return ALREADY
        # Blank values are not sent back: myOGO refuses an empty currency or country, even if it holds one.
        merged = {name: value for name, value in held.items() if name not in READ_ONLY and value not in (None, "")}
        merged |= changed
        merged.setdefault("languageCode", "en")  # required by myOGO; a product made by the warehouse may lack it
        try:
            return _different_fields_message(changed, self.client.update_product(key, merged))
        except (TargetRefused, TargetUnknown, WriteRedirected) as unclear:
            held = look_up_or_lost(lambda: self._one(key), unclear)
            if held is not None and not _different_fields(changed, held):
                return FOUND
            if isinstance(unclear, TargetUnknown):
                raise unresolved(unclear, "A look-up right after did not show the new values.") from unclear
            raise

    def _one(self, key: str) -> dict[str, Any] | None:
        return _only(key, [row for row in self.client.products_with_code(key) if row["code"] == key])


def _only(key: str, products: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The product, or None if there is none. Raises TargetRefused if there are several."""
    if len(products) > 1:
        raise TargetRefused(f"myOGO holds {len(products)} products with the code {key!r}; merge them in myOGO.")
    return products[0] if products else None


def _payload(product: dict[str, Any]) -> dict[str, Any]:
    return {PRODUCT.vendor[column]: value for column, value in product.items() if value is not None}


def _different_fields(sent: dict[str, Any], held: dict[str, Any]) -> list[str]:
    """The fields whose value in myOGO differs from the sent value."""

    def same(sent_value: Any, held_value: Any) -> bool:
        if isinstance(sent_value, int | Decimal) and isinstance(held_value, int | Decimal):
            return Decimal(sent_value) == Decimal(held_value)
        return bool(sent_value == held_value)

    return sorted(name for name, value in sent.items() if not same(value, held.get(name)))


def _compare_existing(sent: dict[str, Any], existing: dict[str, Any], refusal: CentraMyogoError | None = None) -> str:
    """A message about a product that exists although it was to be created. Raises TargetRefused if it differs.

    `refusal` is myOGO's answer to the POST, if one was sent.
    """
    if not _different_fields(sent, existing):
        return FOUND if refusal else ALREADY
    message = f"{refusal.message} " if refusal else "Nothing was sent. "
    raise TargetRefused(
        f"{message}(myOGO already holds this code; the next run will compare it)",
        status=getattr(refusal, "status", None),
        stale=True,
    ) from refusal


def _different_fields_message(sent: dict[str, Any], held: dict[str, Any]) -> str:
    """A message if myOGO accepted the product but holds other values in some fields; else ""."""
    fields = _different_fields(sent, held)
    if not fields:
        return ""
    values = {column: held.get(name) for column, name in PRODUCT.vendor.items() if name in fields}
    return KeptOtherwise(f"myOGO holds other values than sent in: {', '.join(fields)}", values)
