"""How much of a machine DuckDB may use."""

from __future__ import annotations

# Without limits, cached pages fill most of the machine's memory. What does not fit goes to the disk.
DUCKDB_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "192MB",
    "threads": "2",
    "allocator_background_threads": "true",
    "allocator_flush_threshold": "16MB",
    "allocator_bulk_deallocation_flush_threshold": "16MB",
}
# Of processes that query the views of a published file: joins of a million sizes need 0.4 GB.
READING_SETTINGS = DUCKDB_SETTINGS | {"memory_limit": "1GB"}
