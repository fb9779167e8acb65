"""Our amounts into Centra's stock writes, many at a time, and what Centra made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pipelines.core.errors import RecordError, TargetLost, TargetRefused, TargetUnknown
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.http.failures import WriteRedirected
from pipelines.systems.target import WrittenRow
from transforms.stock import Params

BATCH = 100  # Centra documents no bound
CLOCKS = timedelta(minutes=2)  # more than two clocks are apart
MAX_LOOKUPS = 50  # sizes that are looked at one by one


class StockTarget:
    """`POST /stock` with absolute amounts: repeating one does no harm."""

    batch = BATCH

    def __init__(self, clients: Mapping[str, Any], params: Params) -> None:
        self.client: CentraClient = clients["centra"]
        self.amount = {"physical": "physicalStock", "fta": "availableStock"}[params.stock_update_type]

    def update_batch(self, levels: Mapping[str, Mapping[str, Any]]) -> dict[str, str | RecordError]:
        """What became of each: "" or the refusal. Raises like `systems.target.Target`, and then of all of them."""
        try:
            answer = self.client.write_stock({key: int(level["quantity"]) for key, level in levels.items()})
        except WriteRedirected as moved:
            raise TargetLost(TargetUnknown("The amounts may have been written."), moved) from moved
        rest: str | RecordError = ""
        if answer.unclear:
            rest = TargetUnknown("Centra wrote some of the amounts, and did not say clearly which it did not.")
        said: dict[str, str | RecordError] = dict.fromkeys(levels, rest)
        for key in answer.not_found & said.keys():
            said[key] = TargetRefused(
                f"Centra does not find {key!r}. Nothing was written; the next run reads both sides anew."
            )
        for key in answer.bundles & said.keys():
            said[key] = TargetRefused(f"{key!r} is a bundle in Centra, whose stock follows from what it contains.")
        return said

    def read_back(self, written: Sequence[WrittenRow], began: datetime) -> dict[str, str]:
        """What Centra holds otherwise than was written, in words, by key: it raises an amount to what is allocated and
        says nothing. Read once, at the end; `began` is when the first was written (UTC). Raises like a source."""
        seen: dict[str, Mapping[str, Any]] = {}
        for rows in self.client.pages("/stock", {"stock_modified": self.client.moment(began - CLOCKS)}):
            seen |= {str(row.get("stockItemId")): row for row in rows if isinstance(row, dict)}
        # Whether a write moves the time by which changes are listed is not documented.
        unseen = [one.source_id for one in written if one.source_id not in seen]
        for own in unseen[:MAX_LOOKUPS]:
            for row in self.client.size(own, "/stock", "stockItemId"):
                seen[own] = row
        told = {one.key: self._otherwise(one.row, seen.get(one.source_id)) for one in written}
        if len(unseen) > MAX_LOOKUPS:
            told[""] = f"{len(unseen) - MAX_LOOKUPS} amounts were not read back: Centra does not list them as changed"
        return {key: said for key, said in told.items() if said}

    def _otherwise(self, level: Mapping[str, Any], row: Mapping[str, Any] | None) -> str:
        wanted = int(level["quantity"])
        if row is None or str(row.get(self.amount)) == str(wanted):
            return ""
        physical, allocated = row.get("physicalStock"), row.get("allocatedStock")
        if physical == allocated and self.amount == "physicalStock":
            return f"Centra raised {wanted} to {physical}, which its orders have allocated"
        return f"Centra shows {row.get(self.amount)} right after {wanted} was written"
