"""Checks, after a full read, that the lists of changes show what has changed since the read before.

A wrong time zone makes a list of changes leave out what it should show, and each read of it then looks fine.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.state.store import Store
from pipelines.systems.system import MirrorTable, System


def remember_rows(store: Store, systems: Iterable[System]) -> None:
    """Keeps a digest of each staged row until the connection is closed."""
    for system in systems:
        for table in _lists(system):
            store.connection.execute(
                f"create or replace temp table {_remembered(system, table)} as {_digests(system, table)}"
            )


def changed_rows(store: Store, system: System) -> int:
    """How many staged rows are new, or differ from the remembered ones."""
    return sum(_count(store, _changed(system, table)) for table in _lists(system))


def listed_rows(store: Store, system: System) -> int:
    """How many of the changed rows are in the staged lists of changes."""
    return sum(
        _count(
            store,
            f"{_changed(system, table)} where key in (select {table.key} from raw_{system.name}_changes.{table.name})",
        )
        for table in _lists(system)
    )


def _lists(system: System) -> list[MirrorTable]:
    return [table for table in system.mirror if not table.part_of]


def _digests(system: System, table: MirrorTable) -> str:
    names = [*(name for name, _ in table.own_columns), *(spec.column for spec in table.fields)]
    columns = ", ".join(name for name in names if name not in table.undated)
    return f"select {table.key} as key, hash({columns}) as digest from raw_{system.name}.{table.name}"


def _changed(system: System, table: MirrorTable) -> str:
    return f"from ({_digests(system, table)}) anti join {_remembered(system, table)} using (key, digest)"


def _remembered(system: System, table: MirrorTable) -> str:
    return f"remembered_{system.name}_{table.name}"


def _count(store: Store, relation: str) -> int:
    return int(store.connection.execute(f"select count(*) {relation}").fetchall()[0][0])
