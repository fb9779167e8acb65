"""Merges the changes that systems list into the last full read, by key, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from pipelines.engine.flow import Flow
from pipelines.engine.push import STALE_READ
from pipelines.state.store import Store
from pipelines.systems.system import MergeBlocker, System


def why_not_mergeable(
    store: Store, systems: Sequence[System], flows: Mapping[str, type[Flow]], watermark: datetime
) -> str:
    """The reason why the changes must not be merged; "" if they may be.

    `watermark` (UTC) is the moment from which changes were requested, without the overlap.
    """
    read = {system.name for system in systems}
    for blocker in _blockers(systems, {name: flow for name, flow in flows.items() if flow.target_system in read}):
        values = {"watermark": watermark} if "$watermark" in blocker.query else {}
        if store.connection.execute(f"{blocker.query} limit 1", values).fetchall():
            return blocker.reason
    return ""


def _blockers(systems: Iterable[System], flows: Mapping[str, type[Flow]]) -> Iterator[MergeBlocker]:
    for system in systems:
        yield from system.merge_blockers
    for name, flow in flows.items():
        if (trace := flow.write_trace) is not None:
            yield MergeBlocker(
                trace.reason,
                "select 1 from sync.journal j join sync.changes c using (run_id, flow, key) "
                f"where j.flow = '{name}' and j.outcome = 'applied' and j.ended_at >= $watermark "
                f"and c.{trace.by} not in (select {trace.column} from raw_{flow.target_system}_changes.{trace.table})",
            )
    yield MergeBlocker(
        "a record we tried to create already existed, or one we tried to update was missing",
        f"select 1 from sync.journal where reason = '{STALE_READ}' and intended_at >= $watermark",
    )


def merge(store: Store, systems: Iterable[System]) -> None:
    """Replaces the rows that have changed; all other rows of the stage stay."""
    with store.transaction("the changes"):
        for system in systems:
            raw, changes = f"raw_{system.name}", f"raw_{system.name}_changes"
            for table in system.mirror:
                store.connection.execute(
                    f"delete from {raw}.{table.name} where {table.key} in "
                    f"(select {table.key} from {changes}.{table.part_of or table.name})"
                )
            for table in system.mirror:
                store.connection.execute(f"insert into {raw}.{table.name} by name select * from {changes}.{table.name}")
            for statement in system.after_merge:
                store.connection.execute(statement)


def row_counts(store: Store, systems: Iterable[System]) -> dict[str, int]:
    """The number of rows in each list of changes, by system and table."""
    return {
        f"{system.name}.{table.name}": int(
            store.connection.execute(f"select count(*) from raw_{system.name}_changes.{table.name}").fetchall()[0][0]
        )
        for system in systems
        for table in system.mirror
        if not table.part_of
    }


def create_empty_tables(store: Store, system: System) -> None:
    """The tables of changes of a system that has listed none."""
    changes = f"raw_{system.name}_changes"
    store.connection.execute(f"create schema if not exists {changes}")
    for table in system.mirror:
        store.connection.execute(f"create table {changes}.{table.name} as from raw_{system.name}.{table.name} limit 0")


def drop_change_tables(store: Store, systems: Iterable[System]) -> None:
    """Drops the tables in which changes are staged, also those that a killed run left."""
    for system in systems:
        for schema in (f"raw_{system.name}_changes", f"raw_{system.name}_changes_staging"):
            store.connection.execute(f"drop schema if exists {schema} cascade")
