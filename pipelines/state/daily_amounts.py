"""Daily history of amounts: for each day, a row of each code whose amounts changed since the day before it was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.state.run_tables import RUN_TABLES
from pipelines.state.store import Store

KEPT_DAYS = 730  # two years: a month can be compared with the same month of the year before
_KEY_COLUMNS = ("on_day", "system", "code")
_VALUES = {
    table.name: [column.name for column in table.columns if column.name not in _KEY_COLUMNS] for table in RUN_TABLES
}


@dataclass(frozen=True)
class DailyAmounts:
    """Amounts whose daily history is kept in `table`, a table of `sync` with the columns `on_day`, `system` and `code`.

    `query` returns `code`, each at most once, and the other columns of the table. A code that it no longer returns is
    recorded with nulls.
    """

    table: str
    system: str
    query: str


def record_daily(store: Store, amounts: Iterable[DailyAmounts], day: date) -> None:
    """Records the amounts as those of `day` (UTC), in one transaction, and drops what is older than KEPT_DAYS.

    The last run of a day counts. Only codes whose amounts differ from those of the last day before get a row.
    """
    oldest = day - timedelta(days=KEPT_DAYS)
    with store.transaction("the daily amounts"):
        for one in dict.fromkeys(amounts):
            _record(store, one, day)
            _drop_before(store, one, oldest)


def _record(store: Store, amounts: DailyAmounts, day: date) -> None:
    db, table, values = store.connection, amounts.table, _VALUES[amounts.table]
    at = {"system": amounts.system, "day": day}
    known = ", ".join(f"arg_max_null({value}, on_day) as {value}" for value in values)
    db.execute(
        f"""create or replace temp table changed_amounts as
        with known as (select code, {known} from {table} where system = $system and on_day <= $day group by code)
        select coalesce(n.code, k.code) as code, {", ".join(f"n.{value}" for value in values)}
        from ({amounts.query}) n full join known k on k.code = n.code
        where {_differ("n", "k", values)}""",
        at,
    )
    db.execute(
        f"delete from {table} where system = $system and on_day = $day and code in (select code from changed_amounts)",
        at,
    )
    db.execute(
        f"""insert into {table} by name
        with before as (
            select code, {known} from {table} semi join changed_amounts using (code)
            where system = $system and on_day < $day group by code)
        select $day as on_day, $system as system, c.code, {", ".join(f"c.{value}" for value in values)}
        from changed_amounts c left join before b on b.code = c.code where {_differ("c", "b", values)}
        order by c.code""",
        at,
    )
    db.execute("drop table changed_amounts")


def _drop_before(store: Store, amounts: DailyAmounts, oldest: date) -> None:
    """Drops the rows of earlier days than `oldest`, but keeps what was true on that day."""
    table = amounts.table
    is_gone = " and ".join(f"{value} is null" for value in _VALUES[table])
    store.connection.execute(
        f"""delete from {table} where system = $system and on_day <= $oldest and ({is_gone} or exists (
            from {table} newer where newer.system = {table}.system and newer.code = {table}.code
            and newer.on_day > {table}.on_day and newer.on_day <= $oldest))""",
        {"system": amounts.system, "oldest": oldest},
    )


def _differ(left: str, right: str, values: Iterable[str]) -> str:
    return "(" + " or ".join(f"{left}.{value} is distinct from {right}.{value}" for value in values) + ")"
