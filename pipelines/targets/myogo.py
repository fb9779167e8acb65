"""Our product columns into myOGO's payloads, and what to do when myOGO's answer is not clear."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from pipelines.clients.myogo import MyOgoClient
from pipelines.errors import SystemTrouble, TargetRefused, TargetUnavailable, TargetUnknown
from schemas.myogo import PRODUCT, READ_ONLY

CREATE_TRIES = 3
LONGEST_WAIT_S = 120.0


class Products:
    """Creates by POST, updates by GET, merge and PUT with the full object. Never sends an EAN that changes one."""

    def __init__(self, client: MyOgoClient) -> None:
        self.client = client

    def create(self, key: str, product: dict[str, Any]) -> str:
        """An answer that does not say what became of the product is settled by looking the code up."""
        payload = _payload({PRODUCT.key: key, **product})
        for attempt in range(1, CREATE_TRIES + 1):
            try:
                return _kept_otherwise(payload, self.client.create_product(payload))
            except TargetRefused as refused:
                # "400" can also mean that an earlier, lost request did create it: only a look-up can tell.
                held = self._look_up(key, refused)
                if held is None:
                    raise
                if _differs(payload, held):
                    raise TargetRefused(
                        f"{refused.message} (myOGO holds this code already; the next run will compare it)",
                        status=refused.status,
                    ) from refused
                return "found by its code after an unclear answer"
            except TargetUnknown as unknown:
                held = self._look_up(key, unknown)
                if held is not None:
                    return _kept_otherwise(payload, held) or "found by its code after an unclear answer"
                answered = unknown.status is not None and unknown.status >= 500
                patient = (unknown.wait_s or 0) <= LONGEST_WAIT_S
                if not answered or not patient or attempt == CREATE_TRIES:
                    # Without an answer the request may still be on its way: repeating it could double it.
                    raise TargetUnknown(
                        f"{unknown.message} The code was not in myOGO when looked up right after.",
                        status=unknown.status,
                    ) from unknown
                time.sleep(self.client.config.backoff_s * attempt if unknown.wait_s is None else unknown.wait_s)
        raise AssertionError("unreachable: the last try returns or raises")

    def update(self, key: str, product: dict[str, Any]) -> str:
        held = self._one(key)
        if held is None:
            raise TargetRefused(f"{key!r} is no longer in myOGO; the next run will create it.", status=404)
        changed = _payload(product)
        if held.get("eanCode"):
            changed.pop("eanCode", None)
        merged = {name: value for name, value in held.items() if name not in READ_ONLY and value is not None}
        merged |= changed
        merged.setdefault("languageCode", "en")  # required by myOGO; a product made by the warehouse may lack it
        return _kept_otherwise(changed, self.client.update_product(key, merged))

    def _one(self, key: str) -> dict[str, Any] | None:
        rows = self.client.products_with_code(key)
        if len(rows) > 1:
            raise TargetRefused(f"myOGO holds {len(rows)} products with the code {key!r}; merge them in myOGO.")
        return rows[0] if rows else None

    def _look_up(self, key: str, why: TargetRefused | TargetUnknown) -> dict[str, Any] | None:
        try:
            return self._one(key)
        except SystemTrouble as trouble:
            if isinstance(why, TargetRefused):
                raise why from trouble
            raise LookUpFailed(
                f"{why.message} Looking the code up failed too: {trouble.message}", trouble.fix
            ) from trouble


class LookUpFailed(TargetUnavailable):
    """The target went away before it could be learned what became of a create: stop, outcome unknown."""


def _payload(product: dict[str, Any]) -> dict[str, Any]:
    return {PRODUCT.vendor[column]: value for column, value in product.items() if value is not None}


def _differs(sent: dict[str, Any], held: dict[str, Any]) -> list[str]:
    """The fields that myOGO holds otherwise than they were sent."""

    def same(mine: Any, theirs: Any) -> bool:
        if isinstance(mine, int | Decimal) and isinstance(theirs, int | Decimal):
            return Decimal(mine) == Decimal(theirs)
        return bool(mine == theirs)

    return sorted(name for name, value in sent.items() if not same(value, held.get(name)))


def _kept_otherwise(sent: dict[str, Any], held: dict[str, Any]) -> str:
    """What to tell when myOGO took the product but keeps some fields otherwise; else ""."""
    fields = _differs(sent, held)
    return f"myOGO keeps {', '.join(fields)} otherwise than sent" if fields else ""
