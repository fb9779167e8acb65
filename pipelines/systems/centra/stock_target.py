"""Writes amounts to Centra's stock in batches, and reads them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pipelines.core.errors import RecordError, TargetLost, TargetRefused, TargetUnknown
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.create_once import unresolved
from pipelines.systems.http.failures import WriteRedirected
from pipelines.systems.target import Difference, WrittenRow
from transforms.stock import Params

BATCH = 100  # Centra documents no limit
MAX_CLOCK_SKEW = timedelta(minutes=2)
MAX_LOOKUPS = 50  # sizes that are read one by one


class StockTarget:
    """`POST /stock` with absolute amounts: a repeat has no further effect."""

    batch = BATCH

    def __init__(self, clients: Mapping[str, Any], params: Params) -> None:
        self.client: CentraClient = clients["centra"]
        self.amount, self.setting = {"physical": ("physicalStock", "Physical"), "fta": ("availableStock", "FTA")}[
            params.stock_update_type
        ]

    def update_batch(self, levels: Mapping[str, Mapping[str, Any]]) -> dict[str, str | RecordError]:
        """The result of each row: "" or its error. Raises like `systems.target.Target`; the error concerns all rows."""
        try:
            answer = self.client.write_stock({key: int(level["quantity"]) for key, level in levels.items()})
        except WriteRedirected as redirected:
            raise TargetLost(TargetUnknown("The amounts may have been written."), redirected) from redirected
        except TargetUnknown as unclear:
            raise unresolved(unclear, "The next run reads the amounts and writes those that differ.") from unclear
        rest: str | RecordError = ""
        if answer.unclear:
            rest = TargetUnknown("Centra did not write all amounts, and its answer does not show clearly which.")
        results: dict[str, str | RecordError] = dict.fromkeys(levels, rest)
        for key in answer.not_found & results.keys():
            results[key] = TargetRefused(
                f"Centra does not find {key!r}. Nothing was written; the next run reads both systems again."
            )
        for key in answer.bundles & results.keys():
            results[key] = TargetRefused(
                f"{key!r} is a bundle in Centra, whose stock follows from its contents. This amount is not sent again. "
                "In the channel file, leave the code out with exclude in [flows.products.select].",
                final=True,
            )
        return results

    def read_back(self, written: Sequence[WrittenRow], began: datetime) -> dict[str, Difference]:
        """By key, each amount in Centra that differs from what was written. Centra silently raises an amount to what
        is allocated. Call it once after the push; `began` is the time of the first write (UTC). Raises like a
        source."""
        rows_by_id: dict[str, Mapping[str, Any]] = {}
        for rows in self.client.pages("/stock", {"stock_modified": self.client.format_time(began - MAX_CLOCK_SKEW)}):
            rows_by_id |= {str(row.get("stockItemId")): row for row in rows if isinstance(row, dict)}
        # Whether a write updates the time by which changes are listed is not documented.
        unlisted = [one.source_id for one in written if one.source_id not in rows_by_id]
        for size in unlisted[:MAX_LOOKUPS]:
            for row in self.client.size(size, "/stock", "stockItemId"):
                rows_by_id[size] = row
        found = {one.key: self._difference(one.row, rows_by_id.get(one.source_id)) for one in written}
        differences = {key: one for key, one in found.items() if one is not None}
        if len(unlisted) > MAX_LOOKUPS:
            differences[""] = Difference(
                f"{len(unlisted) - MAX_LOOKUPS} amounts were not read back: Centra does not list them as changed"
            )
        return differences

    def _difference(self, level: Mapping[str, Any], row: Mapping[str, Any] | None) -> Difference | None:
        wanted = int(level["quantity"])
        if row is None or str(row.get(self.amount)) == str(wanted):
            return None
        physical, allocated = row.get("physicalStock"), row.get("allocatedStock")
        if physical == allocated and self.amount == "physicalStock":
            return Difference(f"Centra raised {wanted} to {physical}, which its orders have allocated")
        shown = str(row.get(self.amount))
        return Difference(
            f"Centra shows {shown} right after {wanted} was written. Its plugin's Stock update type must be "
            f"{self.setting}, as stock_update_type says, and no virtual warehouse may be connected to it.",
            held={"quantity": row.get(self.amount)},
        )
