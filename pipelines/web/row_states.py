"""Both sides of a flow row by row: each row's state, why, and how to fix it; filtered, sorted, by page."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

import duckdb

from pipelines.engine.flow import Flow
from pipelines.reports.query import fields
from pipelines.web.published_tables import PublishedRows, Row

PAGE_SIZE = 100
ALL = "true"  # the condition that all rows meet
MAX_PRODUCTS = 50  # of each rule, on the page of what to fix
ALL_STATES = (
    "only source", "differs", "withheld", "refused", "unknown", "equal", "only target", "not wanted", "not compared",
)  # fmt: skip
SENDABLE = ("only source", "differs", "refused", "unknown")  # a plan can change the target
SORTS = {
    "code": "code",
    "name": "name",
    "brand": "brand",
    "state": "state",
    "source": "source_stock",
    "target": "target_stock",
}
_NO_LISTING = """
    select source_id, key as code, null as product_id, null as name, null as variant, null as size, null as brand,
           true as in_source, state = 'unchanged' as in_target, cast(null as bigint) as source_stock,
           cast(null as bigint) as target_stock, null as other_code
    from sync.row_states where flow = $flow"""
_FOUND = """
    with listed as ({listing}),
    states as (select source_id, key, state, run_id from sync.row_states where flow = $flow),
    outcomes as (
        select run_id, key, arg_max(coalesce(outcome, 'unknown'), intended_at) as outcome,
               arg_max(message, intended_at) as message
        from sync.journal where flow = $flow group by all),
    issues as (
        select source_id, list(rule order by rule) as rules, string_agg(message, ' ' order by rule) as message,
               min(since) as since
        from sync.issues where flow = $flow and closed_at is null group by source_id),
    linked as (
        select source_id, any_value(key) as linked from sync.links
        where flow = $flow and source_id in (select source_id from issues) group by source_id),
    found as (
        select l.*, k.linked, s.key, s.run_id, o.message as answer, i.rules, i.message as problem, i.since,
               case when s.state = 'withheld' then 'withheld'
                    when not l.in_source then 'only target'
                    when s.state = 'skipped' then 'not wanted'
                    when o.outcome = 'applied' then 'equal'
                    when o.outcome in ('refused', 'unknown') then o.outcome
                    when s.state = 'create' then 'only source'
                    when s.state = 'update' then 'differs'
                    when l.in_target then 'equal' else 'not compared' end as state
        from listed l left join states s using (source_id)
        left join outcomes o on o.run_id = s.run_id and o.key = s.key left join issues i using (source_id)
        left join linked k using (source_id))"""
_CREATE = (
    "create or replace table main_rows.unsorted as"
    + _FOUND
    + """
    select found.* replace (
               case when state = 'withheld' then rules end as rules,
               case when state = 'withheld' and linked <> code then linked end as linked,
               case state when 'withheld' then problem end as problem,
               case when state in ('refused', 'unknown') then answer end as answer),
           coalesce(found.key, code) as sent_code, cast(c.before as varchar) as before,
           cast(c.after as varchar) as after,
           lower(concat_ws(' ', code, other_code, name, variant, size, brand, product_id, found.source_id)) as words
    from found left join sync.changes c
        on state in ('differs', 'refused', 'unknown') and c.flow = $flow and c.action = 'update'
            and c.run_id = found.run_id and c.key = found.key"""
)

_SENDABLE = f"state in {SENDABLE!r} and sent_code <> ''"
# The numbers of all rows, which each page shows.
_FACETS = """
    create or replace table {facets} as
    select 'state' as kind, state as value, count(*) as row_count from {table} group by all
    union all select 'sendable', 'all', count(distinct sent_code) from {table} where {sendable}
    union all select 'rule', rule, count(*) from (select unnest(rules) as rule from {table}) group by all
    union all (select 'brand', brand, count(*) from {table} where brand is not null group by all
               order by 3 desc, 2 limit 200)"""


@dataclass(frozen=True)
class RowFilter:
    """What is shown. It travels in the address of a page, so that "all that match" needs no list of codes."""

    state: str = ""
    rule: str = ""
    brand: str = ""
    text: str = ""
    sort: str = "code"
    descending: bool = False
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> RowFilter:
        """Unknown values count as not given."""
        state, sort = query.get("state", ""), query.get("sort", "code")
        descending = sort.startswith("-") and sort.removeprefix("-") in SORTS
        page = query.get("page", "1")
        return cls(
            state if state in ALL_STATES or state == "sendable" else "",
            query.get("rule", "")[:40],
            query.get("brand", "")[:300],
            query.get("text", "").strip()[:300],
            sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "code",
            descending,
            max(1, int(page)) if page.isascii() and page.isdecimal() and len(page) < 9 else 1,
        )

    @property
    def has_all_sendable(self) -> bool:
        """Whether every row that a plan can change matches."""
        return self.state in ("", "sendable") and not (self.rule or self.brand or self.text)

    def query(self, **changes: Any) -> str:
        """The query of an address, with some values changed; the page is 1 unless it is given."""
        changed = replace(self, **({"page": 1} | changes))
        sort = f"-{changed.sort}" if changed.descending else changed.sort
        values = {
            "state": changed.state,
            "rule": changed.rule,
            "brand": changed.brand,
            "text": changed.text,
            "sort": "" if sort == "code" else sort,
            "page": "" if changed.page == 1 else str(changed.page),
        }
        return urlencode({name: value for name, value in values.items() if value})

    def condition(self) -> tuple[str, dict[str, Any]]:
        """An SQL condition and its parameters."""
        parts, parameters = [ALL], dict[str, Any]()
        if self.state == "sendable":
            parts.append(f"state in {SENDABLE!r}")
        elif self.state:
            parts.append("state = $state")
            parameters["state"] = self.state
        if self.rule:
            parts.append("list_contains(rules, $rule)")
            parameters["rule"] = self.rule
        if self.brand:
            parts.append("brand = $brand")
            parameters["brand"] = self.brand
        for number, word in enumerate(self.text.lower().split()):
            parts.append(f"contains(words, $word{number})")
            parameters[f"word{number}"] = word
        return " and ".join(parts), parameters


@dataclass(frozen=True)
class RowPage:
    """One page of rows. `states`, `rules` and `brands` are the numbers of all rows of the flow; `total` is the number
    of rows that match, and `sendable` that of their codes that a plan can change in the target."""

    rows: list[Row]
    total: int
    sendable: int
    number: int
    pages: int
    states: dict[str, int]
    rules: dict[str, int]
    brands: list[str]


@dataclass(frozen=True)
class ToFix:
    """Rows that break one rule, or that the target refused; `rule` is then the state. `products` are the first ones,
    with brand, name, codes, problem and row_count."""

    rule: str
    rows: int
    product_count: int
    since: datetime | None
    products: list[Row]


class FlowRows:
    """The rows of one flow in one published file."""

    def __init__(self, published: PublishedRows, name: str, flow: type[Flow]) -> None:
        self._published = published
        self._name, self._table = name, f'main_rows."rows_{name}"'

        def create(db: duckdb.DuckDBPyConnection) -> None:
            # Joined first and sorted then: both at once need more memory than there is.
            db.execute(_CREATE.format(listing=_listing(flow)), {"flow": name})
            rows = "select row_number() over () as row, * from (from main_rows.unsorted order by code, source_id)"
            db.execute(f"create or replace table {self._table} as {rows}")
            db.execute("drop table main_rows.unsorted")
            db.execute(f'create unique index "row_of_{name}" on {self._table} (row)')
            facets = f'main_rows."facets_{name}"'
            db.execute(_FACETS.format(table=self._table, facets=facets, sendable=_SENDABLE))

        published.prepare(f"rows_{name}", create)

    def page(self, shown: RowFilter) -> RowPage:
        total, sendable = self._counts(shown)
        pages = max(1, math.ceil(total / PAGE_SIZE))
        number = min(shown.page, pages)
        first, last = (number - 1) * PAGE_SIZE, number * PAGE_SIZE
        places = self._published.rows(
            f"select row from {self._places(shown)} where place between {first + 1} and {last} order by place"
        )
        numbers = [one["row"] for one in places]
        # The index finds rows by numbers that stand in the query; with a join it would read all rows.
        found = self._published.rows(
            f"select * exclude (words) from {self._table} where row in ({', '.join(map(str, numbers)) or 'null'})"
        )
        by_number = {one["row"]: one for one in _with_fields(found)}
        rows = [by_number[one] for one in numbers]
        brands = sorted(self._facet("brand"))
        return RowPage(rows, total, sendable, number, pages, self.states(), self._facet("rule"), brands)

    def _counts(self, shown: RowFilter) -> tuple[int, int]:
        """The number of rows that match, and of their codes that a plan can change in the target."""
        where, parameters = shown.condition()
        if where == ALL:
            return sum(self.states().values()), self._facet("sendable")["all"]

        def count(db: duckdb.DuckDBPyConnection) -> Any:
            query = f"select count(*), count(distinct sent_code) filter ({_SENDABLE}) from {self._table} where {where}"
            return db.execute(query, parameters).fetchone()

        found: tuple[int, int] = self._published.prepare(f"counts_{self._name}_{_digest(where, parameters)}", count)
        return found

    def _places(self, shown: RowFilter) -> str:
        """The table of each matching row's place in that order; it is made when it is asked for first."""
        where, parameters = shown.condition()
        order = f"{SORTS[shown.sort]} {'desc' if shown.descending else 'asc'} nulls last, code, source_id"
        name = f"places_{self._name}_{_digest(where, parameters, order)}"

        def create(db: duckdb.DuckDBPyConnection) -> None:
            query = f"select row_number() over (order by {order}) as place, row from {self._table} where {where}"
            db.execute(f'create or replace table main_rows."{name}" as {query} order by place', parameters)

        self._published.prepare_table(name, create)
        return f'main_rows."{name}"'

    def named(self, pattern: str) -> list[Row]:
        """The rows whose code or id matches the regular expression."""
        rows = self._published.rows(
            f"select * exclude (words) from {self._table} where regexp_full_match(code, $pattern) "
            "or regexp_full_match(source_id, $pattern) order by code, source_id",
            {"pattern": pattern},
        )
        return _with_fields(rows)

    def old_code(self, code: str) -> str | None:
        """The code under which the target has the product of a withheld row; None if no link says so."""
        query = f"select any_value(linked) from {self._table} where code = $code and linked is not null"
        old: str | None = self._published.value(query, {"code": code})
        return old

    def states(self) -> dict[str, int]:
        """The number of rows by state, in the order of ALL_STATES."""
        counts = self._facet("state")
        return {state: counts[state] for state in ALL_STATES if counts.get(state)}

    def codes(self, shown: RowFilter) -> list[str]:
        """The codes of all rows that match and that a plan can change in the target."""
        where, parameters = shown.condition()
        rows = self._published.rows(
            f"select distinct sent_code from {self._table} where {where} and {_SENDABLE} order by 1",
            parameters,
        )
        return [row["sent_code"] for row in rows]

    def to_fix(self) -> list[ToFix]:
        """What somebody must fix: by rule, and rows that the target refused; each by product."""
        rows = self._published.rows(
            f"""
            with broken as (
                select unnest(rules) as rule, * from {self._table} where state = 'withheld'
                union all by name
                select state as rule, * from {self._table} where state in ('refused', 'unknown')),
            products as (
                select rule, coalesce(product_id, source_id) as product, count(*) as row_count, min(since) as since,
                       any_value(brand) as brand, any_value(name) as name,
                       any_value(coalesce(problem, answer)) as problem,
                       list(distinct code order by code) filter (code <> '') as codes, min(code) as first_code
                from broken group by all)
            select *, sum(row_count) over of_rule as total, count(*) over of_rule as product_count,
                   min(since) over of_rule as oldest
            from products window of_rule as (partition by rule)
            qualify row_number() over (partition by rule order by first_code, product) <= {MAX_PRODUCTS}
            order by total desc, rule, first_code, product"""
        )
        return [
            ToFix(rule, first["total"], first["product_count"], first["oldest"], [first, *others])
            for rule, of_rule in groupby(rows, lambda row: row["rule"])
            for first, *others in [[*of_rule]]
        ]

    def _facet(self, kind: str) -> dict[str, int]:
        """The number of rows by state, rule or brand; of the brands, the most frequent ones."""
        rows = self._published.rows(
            f'select value, row_count from main_rows."facets_{self._name}" where kind = $kind order by value',
            {"kind": kind},
        )
        return {row["value"]: row["row_count"] for row in rows}


def count_states(published: PublishedRows, name: str, flow: type[Flow]) -> dict[str, int]:
    """The number of rows of the flow by state, without making what its pages need."""
    query = f"{_FOUND.format(listing=_listing(flow))} select state, count(*) as row_count from found group by all"
    return {row["state"]: row["row_count"] for row in published.rows(query, {"flow": name})}


def _listing(flow: type[Flow]) -> str:
    return flow.listing.query if flow.listing else _NO_LISTING


def _with_fields(rows: list[Row]) -> list[Row]:
    """With `fields`, the old and new values that a plan found."""
    for row in rows:
        row["fields"] = fields(row.pop("before") or "{}", row.pop("after") or "{}")
    return rows


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]
