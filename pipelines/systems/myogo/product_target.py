"""Our product columns into myOGO's payloads, and what to do when myOGO's answer is not clear."""

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
from schemas.fields.myogo import READ_ONLY
from schemas.products.contract import PRODUCT

FOUND = "found by its code after an unclear answer"
ALREADY = "myOGO holds this already"


class ProductTarget:
    """Creates by GET and POST, updates by GET, merge and PUT with the full object.

    Never sends an EAN that changes one. Whatever answer does not prove what became of a product is settled by
    looking its code up.
    """

    def __init__(self, clients: Mapping[str, Any], params: object = None) -> None:
        self.client: MyOgoClient = clients["myogo"]

    def create(self, key: str, product: dict[str, Any]) -> str:
        """Looked up first, because what a POST of a code that is there does is not documented: it might overwrite
        or double what somebody made since our list was read. Sent again only after an answer that proves that it
        was not served."""
        payload = _payload({PRODUCT.key: key, **product})
        found = self.client.products_with_code(key)
        if others := [row["code"] for row in found if row["code"] != key]:
            raise TargetRefused(f"myOGO shows {others[0]!r} when asked for {key!r}: it takes the two for one code.")
        if (there := _only(key, found)) is not None:
            return _as_wanted(payload, there)
        return create_once(
            self.client.config,
            create=lambda: self.client.create_product(payload),
            look_up=lambda: self._one(key),
            as_wanted=lambda held, no: _as_wanted(payload, held, no),
            accepted=lambda held: _kept_otherwise(payload, held),
            found=FOUND,
        )

    def update(self, key: str, product: dict[str, Any]) -> str:
        held = self._one(key)
        if held is None:
            raise TargetRefused(f"{key!r} is no longer in myOGO; the next run will create it.", status=404, stale=True)
        changed = _payload(product)
        if held.get("eanCode"):
            changed.pop("eanCode", None)
        if not _differs(changed, held):
            return ALREADY
        # What is blank is not sent back either: myOGO does not take an empty currency or country, even its own.
        merged = {name: value for name, value in held.items() if name not in READ_ONLY and value not in (None, "")}
        merged |= changed
        merged.setdefault("languageCode", "en")  # required by myOGO; a product made by the warehouse may lack it
        try:
            return _kept_otherwise(changed, self.client.update_product(key, merged))
        except (TargetRefused, TargetUnknown, WriteRedirected) as unclear:
            held = look_up_or_lost(lambda: self._one(key), unclear)
            if held is not None and not _differs(changed, held):
                return FOUND
            if isinstance(unclear, TargetUnknown):
                raise unresolved(unclear, "myOGO did not hold the new values when looked up right after.") from unclear
            raise

    def _one(self, key: str) -> dict[str, Any] | None:
        return _only(key, [row for row in self.client.products_with_code(key) if row["code"] == key])


def _only(key: str, found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one product there is, if any."""
    if len(found) > 1:
        raise TargetRefused(f"myOGO holds {len(found)} products with the code {key!r}; merge them in myOGO.")
    return found[0] if found else None


def _payload(product: dict[str, Any]) -> dict[str, Any]:
    return {PRODUCT.vendor[column]: value for column, value in product.items() if value is not None}


def _differs(sent: dict[str, Any], held: dict[str, Any]) -> list[str]:
    """The fields that myOGO holds otherwise than they were sent."""

    def same(mine: Any, theirs: Any) -> bool:
        if isinstance(mine, int | Decimal) and isinstance(theirs, int | Decimal):
            return Decimal(mine) == Decimal(theirs)
        return bool(mine == theirs)

    return sorted(name for name, value in sent.items() if not same(value, held.get(name)))


def _as_wanted(sent: dict[str, Any], held: dict[str, Any], no: CentraMyogoError | None = None) -> str:
    """What to tell of a product that is there although it was to be created; TargetRefused where it is another.

    `no` is what myOGO said to the POST, if one was sent.
    """
    if not _differs(sent, held):
        return FOUND if no else ALREADY
    said = f"{no.message} " if no else "Nothing was sent. "
    raise TargetRefused(
        f"{said}(myOGO holds this code already; the next run will compare it)",
        status=getattr(no, "status", None),
        stale=True,
    ) from no


def _kept_otherwise(sent: dict[str, Any], held: dict[str, Any]) -> str:
    """What to tell when myOGO took the product but keeps some fields otherwise; else ""."""
    fields = _differs(sent, held)
    return f"myOGO keeps {', '.join(fields)} otherwise than sent" if fields else ""
