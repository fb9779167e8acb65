"""Orders and shipments of the Order API: lists, capture, completion. No answer is quoted: they have personal data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from pipelines.core.errors import ConfigError, SourceError, TargetRefused
from pipelines.systems.arrow_columns import storable
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.http.prefetch import row_limit_fix, row_limit_message
from pipelines.systems.http.secret_scan import reject_secrets
from pipelines.systems.http.session import Answer, Repeat
from pipelines.systems.unreadable_rows import as_list
from schemas.fields.spec import UNREADABLE

MAX_PAGE_SIZE = 100  # documented for `inprogress` and `completed`
Verb = Literal["POST", "PUT"]
OTHER_VERB: Mapping[Verb, Verb] = {"POST": "PUT", "PUT": "POST"}


class CentraOrders:
    """Centra's calls for order flows. Uses the client's session and request budget."""

    def __init__(self, client: CentraClient) -> None:
        self.client = client

    def rows(
        self, path: str, key: str, id_key: str, filters: Mapping[str, str], *, confirm_empty: bool = False
    ) -> Iterator[list[dict[str, Any]]]:
        """The rows of each page of `/orders` or `/shipments`, each `id_key` once.

        A row that is not an object, or has no usable id, becomes a row with nothing but an id that begins with
        UNREADABLE. Paged by `limit` and `offset`. A server may return fewer rows than `limit`, so a list ends with the
        first page without new rows; with `confirm_empty`, an empty page is read a second time. Raises SourceError or a
        configuration error.
        """
        limit = min(self.client.config.page_size, MAX_PAGE_SIZE)
        seen: set[str] = set()
        offset = 0
        retry_if_empty = confirm_empty
        while True:
            listed = self.client.get(path, {**filters, "limit": limit, "offset": offset}).get(key)
            page = [] if listed is None else as_list(listed)
            if page is None:
                raise SourceError(
                    f"Centra GET {path}: the answer has no list under {key!r}.",
                    "Nothing was written. Show this to Centra's support.",
                )
            # The id is not made from the content, which may be personal.
            page = [
                row if is_usable_id(row, id_key) else {id_key: f"{UNREADABLE}{number}"}
                for number, row in enumerate(page, start=offset + 1)
            ]
            fresh = [row for row in page if str(row[id_key]) not in seen]
            if not page and retry_if_empty:
                retry_if_empty = False
                continue
            if not fresh:
                return
            retry_if_empty = confirm_empty
            seen |= {str(row[id_key]) for row in fresh}
            if (offset := offset + len(page)) > self.client.config.max_rows:
                raise SourceError(
                    f"Centra GET {path}: {row_limit_message(self.client.config.max_rows)}", row_limit_fix("centra")
                )
            self.client.stats.rows += len(fresh)
            yield reject_secrets(f"Centra GET {path}", fresh)

    def shipments_of(self, order_id: str, status: str) -> list[dict[str, Any]]:
        """The shipments of one order in a status: `goodtogo`, `inprogress` or `completed`."""
        filters = {"order": order_id, "status": status}
        return [row for page in self.rows("/shipments", "shipments", "shipmentId", filters) for row in page]

    def orders_with_number(self, order_id: str) -> list[dict[str, Any]]:
        """The order, if the plugin's settings include it."""
        page = next(self.rows("/orders", "orders", "orderId", {"order": order_id}, confirm_empty=True), [])
        return [row for row in page if str(row["orderId"]) == order_id]

    def open_shipment(self, shipment_id: str) -> dict[str, Any] | None:
        """The shipment, if it is good to go and not completed."""
        filters = {"order": shipment_id.rpartition("-")[0], "status": "goodtogo"}
        for page in self.rows("/shipments", "shipments", "shipmentId", filters, confirm_empty=True):
            for row in page:
                if str(row["shipmentId"]) == shipment_id:
                    return row
        return None

    def capture(self, shipment_id: str) -> None:
        """Captures the payment. Never repeated automatically. Raises TargetRefused, or like `CentraClient.write`."""
        answer = self.client.write("PUT", "/capture", {"shipment": shipment_id}, Repeat.ONCE)
        self._raise_if_refused("PUT", "/capture", answer)

    def complete(self, verb: Verb, body: Mapping[str, Any], is_open: Callable[[], bool] = lambda: False) -> Verb:
        """Completes a shipment. Returns the verb that completed it.

        If Centra refuses the verb and the shipment `is_open`, tries the other verb once; otherwise never repeated.
        Which verb Centra serves, and whether it answers the other with "no", 403, 404 or 405, is not documented.
        Raises like `capture`, with the first refusal.
        """
        answer = self.client.write(verb, "/shipment", body, Repeat.ONCE)
        document = self.client.document(verb, "/shipment", answer)
        says_no = answer.status == 200 and isinstance(document, dict) and document.get("status") == "no"
        if (says_no or answer.status in (403, 404, 405)) and is_open():
            other = OTHER_VERB[verb]
            with contextlib.suppress(TargetRefused, ConfigError):
                self._raise_if_refused(other, "/shipment", self.client.write(other, "/shipment", body, Repeat.ONCE))
                return other
        self.client.raise_if_refused(verb, "/shipment", answer)
        return verb

    def _raise_if_refused(self, verb: str, path: str, answer: Answer) -> None:
        self.client.document(verb, path, answer)
        self.client.raise_if_refused(verb, path, answer)


def is_usable_id(row: object, id_key: str) -> bool:
    """Whether the row is an object with an id."""
    row_id = row.get(id_key) if isinstance(row, dict) else None
    return isinstance(row_id, str | int) and not isinstance(row_id, bool) and row_id != "" and storable(str(row_id))


def is_paid(shipment: Mapping[str, Any]) -> bool:
    """Whether Centra marks the shipment's payment as taken."""
    return str(shipment.get("paid")).casefold() in ("1", "true")
