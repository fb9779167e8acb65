"""Orders of myOGO's open API. Answers hold personal data: none is quoted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.clients.myogo import MyOgoClient
from pipelines.clients.session import Repeat

PATH = "/api/v1/Orders"


class MyOgoOrders:
    """What a flow of orders asks of myOGO, over the client's own session, token and budget."""

    def __init__(self, client: MyOgoClient) -> None:
        self.client = client

    def with_reference(self, reference: str) -> list[dict[str, Any]]:
        """What myOGO finds under the reference: none, one, or more. Raises like `MyOgoClient.pages`."""
        rows = self.client.found(PATH, {"reference": reference})
        return [row for row in rows if str(row.get("reference")).casefold() == reference.casefold()]

    def create(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What myOGO says it now holds. Raises like `MyOgoClient.create_product`."""
        return self.client.write("POST", PATH, {}, order, Repeat.ONCE, key="reference")
