"""The price lists that the first products of a shop have."""

from __future__ import annotations

from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.config import CentraConfig
from pipelines.systems.unreadable_rows import as_list


def pricelists(config: CentraConfig, currency: str) -> dict[str, str]:
    """The price lists in that currency, by id, with their names. Reads one page. Raises SourceError and others."""
    client = CentraClient(config)
    try:
        document = client.get("/products", {"limit": config.page_size})
    finally:
        client.close()
    found: dict[str, str] = {}
    for row in as_list(document.get("products")) or ():
        for entry in as_list(row.get("prices")) or () if isinstance(row, dict) else ():
            if isinstance(entry, dict) and str(entry.get("currency", "")).upper() == currency.upper():
                found.setdefault(str(entry.get("id", "")), str(entry.get("pricelist", "")))
    return {key: found[key] for key in sorted(found, key=lambda key: (len(key), key)) if key}
