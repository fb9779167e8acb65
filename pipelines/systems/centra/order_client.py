"""Orders and shipments of the Order API: lists, capture, completion. Answers hold personal data: none is quoted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.core.errors import SourceError
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.http.prefetch import row_limit_fix, row_limit_message
from pipelines.systems.http.secret_scan import reject_secrets
from pipelines.systems.http.session import Answer, Repeat

MAX_PAGE_SIZE = 100  # documented for `inprogress` and `completed`
OTHER_VERB = {"POST": "PUT", "PUT": "POST"}


class CentraOrders:
    """What a flow of orders asks of Centra, over the client's own session and budget."""

    def __init__(self, client: CentraClient) -> None:
        self.client = client

    def rows(
        self, path: str, key: str, own_id: str, only: Mapping[str, str], *, sure: bool = False
    ) -> Iterator[list[dict[str, Any]]]:
        """The rows of each page of `/orders` or `/shipments`, each `own_id` once; `only` are filters.

        Paged by `limit` and `offset`. A server may give fewer rows than asked for, so a list ends with the page that
        brings nothing new; where we must be `sure`, an empty page is asked for once more. Raises SourceError or a
        configuration error.
        """
        limit = min(self.client.config.page_size, MAX_PAGE_SIZE)
        seen: set[str] = set()
        offset = 0
        again = sure
        while True:
            page = self.client.get(path, {**only, "limit": limit, "offset": offset}).get(key)
            if page in ({}, None):
                page = []
            if not isinstance(page, list):
                raise SourceError(
                    f"Centra GET {path}: the answer has no list under {key!r}.",
                    "Nothing was written. Show this to Centra's support.",
                )
            for number, row in enumerate(page, start=offset + 1):
                if not isinstance(row, dict) or not isinstance(row.get(own_id), str | int) or row[own_id] == "":
                    raise SourceError(
                        f"Centra GET {path}: row {number} has no usable field {own_id!r}, which we rely on.",
                        "Nothing was written. Show this to Centra's support.",
                    )
            fresh = [row for row in page if str(row[own_id]) not in seen]
            if not page and again:
                again = False
                continue
            if not fresh:
                return
            again = sure
            seen |= {str(row[own_id]) for row in fresh}
            if (offset := offset + len(page)) > self.client.config.max_rows:
                raise SourceError(
                    f"Centra GET {path}: {row_limit_message(self.client.config.max_rows)}", row_limit_fix("centra")
                )
            yield reject_secrets(f"Centra GET {path}", fresh)

    def shipments_of(self, order_id: str, status: str) -> list[dict[str, Any]]:
        """The shipments of one order in a status: `goodtogo`, `inprogress` or `completed`."""
        only = {"order": order_id, "status": status}
        return [row for page in self.rows("/shipments", "shipments", "shipmentId", only) for row in page]

    def capture(self, shipment_id: str) -> None:
        """Takes the payment. Never repeated by itself. Raises TargetRefused, or like `CentraClient.write`."""
        answer = self.client.write("PUT", "/capture", {"shipment": shipment_id}, Repeat.ONCE)
        self._concluded("PUT", "/capture", answer)

    def complete(self, verb: str, body: Mapping[str, Any]) -> None:
        """Completes a shipment; where the verb is not served (404 or 405), once with the other. Never repeated else.

        Raises like `capture`.
        """
        for own in (verb, OTHER_VERB[verb]):
            answer = self.client.write(own, "/shipment", body, Repeat.ONCE)
            if answer.status not in (404, 405):
                break
        self._concluded(own, "/shipment", answer)

    def _concluded(self, verb: str, path: str, answer: Answer) -> None:
        self.client.understood(verb, path, answer)
        self.client.succeeded(verb, path, answer)


def is_paid(shipment: Mapping[str, Any]) -> bool:
    """Whether Centra says that a shipment's payment has been taken."""
    return str(shipment.get("paid")).casefold() in ("1", "true")
