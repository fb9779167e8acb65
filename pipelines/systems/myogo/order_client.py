"""Orders of myOGO's open API. No answer is quoted: they have personal data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pipelines.systems.http.session import Repeat
from pipelines.systems.myogo.client import MyOgoClient

PATH = "/api/v1/Orders"
MIN_WORD = 3  # letters of a word that is masked in a message


class MyOgoOrders:
    """myOGO's calls for order flows. Uses the client's session, token and request budget."""

    def __init__(self, client: MyOgoClient) -> None:
        self.client = client

    def with_reference(self, reference: str) -> list[dict[str, Any]]:
        """The orders that myOGO finds by the reference: none, one, or several. Raises like `MyOgoClient.pages`."""
        rows = self.client.first_page(PATH, {"reference": reference})
        return [row for row in rows if str(row.get("reference")).casefold() == reference.casefold()]

    def create(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The order in myOGO's answer. Raises like `MyOgoClient.create_product`, without personal data in messages."""
        mask = partial(_masked, _personal_words([order.get("customer") or {}, order.get("comments")]))
        return self.client.write("POST", PATH, {}, order, Repeat.ONCE, key="reference", mask=mask)


def reason_given(order: Mapping[str, Any]) -> str:
    """Why myOGO holds the order back or lets it wait (its `warehouseComments`), without the order's personal data; ""
    for no reason."""
    reason = order.get("warehouseComments")
    customer = order.get("customer")
    values = [customer if isinstance(customer, Mapping) else {}, order.get("comments")]
    return _masked(_personal_words(values), " ".join(reason.split())) if isinstance(reason, str) else ""


def _personal_words(values: Iterable[Any]) -> list[str]:
    """The texts and words that may be personal data, the longest first."""
    words: set[str] = set()
    for value in values:
        for text in map(str, value.values() if isinstance(value, Mapping) else [value] if value else []):
            words |= {text, *(word for word in re.split(r"[\s,;:<>()]+", text) if len(word) >= MIN_WORD)}
    return sorted((word for word in words if len(word) >= MIN_WORD), key=len, reverse=True)


def _masked(words: list[str], message: str) -> str:
    return re.sub("|".join(map(re.escape, words)), "…", message, flags=re.IGNORECASE) if words else message
