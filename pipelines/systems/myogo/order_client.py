"""Orders of myOGO's open API. Answers hold personal data: none is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pipelines.systems.http.session import Repeat
from pipelines.systems.myogo.client import MyOgoClient

PATH = "/api/v1/Orders"
MIN_WORD = 3  # letters of a word that is looked for in a message


class MyOgoOrders:
    """What a flow of orders asks of myOGO, over the client's own session, token and budget."""

    def __init__(self, client: MyOgoClient) -> None:
        self.client = client

    def with_reference(self, reference: str) -> list[dict[str, Any]]:
        """What myOGO finds under the reference: none, one, or more. Raises like `MyOgoClient.pages`."""
        rows = self.client.found(PATH, {"reference": reference})
        return [row for row in rows if str(row.get("reference")).casefold() == reference.casefold()]

    def create(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What myOGO says it now holds. Raises like `MyOgoClient.create_product`, without a word about the person."""
        mask = partial(_without, _words([order.get("customer") or {}, order.get("comments")]))
        return self.client.write("POST", PATH, {}, order, Repeat.ONCE, key="reference", mask=mask)


def _words(values: Iterable[Any]) -> list[str]:
    """What could say something of a person: each text as a whole, and its words; the longest first."""
    found: set[str] = set()
    for value in values:
        for text in map(str, value.values() if isinstance(value, Mapping) else [value] if value else []):
            found |= {text, *(word for word in re.split(r"[\s,;:<>()]+", text) if len(word) >= MIN_WORD)}
    return sorted((word for word in found if len(word) >= MIN_WORD), key=len, reverse=True)


def _without(words: list[str], message: str) -> str:
    return re.sub("|".join(map(re.escape, words)), "…", message, flags=re.IGNORECASE) if words else message
