"""The history of one code, or of an order by its number."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.config.channel import Channel
from pipelines.core.errors import ConfigError
from pipelines.core.json_codec import decode_exact
from pipelines.engine.flow import ChangeWords
from pipelines.reports.change_text import changed_fields, created_fields
from pipelines.reports.formatting import clean
from pipelines.reports.tables import has
from pipelines.state.store import Folder, published

CLOSE_FROM = 0.8  # the similarity of Jaro and Winkler, from 0 to 1, of codes that may be meant
_CLOSEST = """
    select code from v_products where code <> '' and jaro_winkler_similarity(code, $code) >= $least
    order by jaro_winkler_similarity(code, $code) desc, code limit 3"""

_IS_KNOWN = "select 1 from v_products where code in (select unnest(?)) limit 1"


@dataclass(frozen=True)
class Event:
    """`at` is UTC, without an offset. `code` is the one by which the flow knows the row; `detail` may be empty."""

    at: datetime
    verb: str
    run_id: str
    code: str
    flow: str
    event: str
    detail: str


class UnknownCode(ConfigError):
    """No run has met the code; `closest` are similar ones."""

    def __init__(self, code: str, closest: Sequence[str]) -> None:
        near = f" The closest codes: {', '.join(map(repr, closest))}." if closest else ""
        super().__init__(f"No run has met {code!r}.", f"Check the code or the order number.{near}")
        self.closest = closest


def history(channel: Channel, folder: Folder, code: str) -> list[str]:
    """A line about the times, then one per event of `events`. A line names its code if it is another one than was asked
    for. Raises ConfigError as `events` does."""
    with contextlib.closing(published(folder)) as db:
        found = events(db, channel, code)
    if not found:
        return [f"No run has planned, written or withheld anything for {code!r}: both sides have it alike."]
    lines = ["All times are UTC."]
    for one in found:
        known_as = "" if one.code == code else f"{one.code}  "
        text = f"{one.at:%Y-%m-%d %H:%M:%S} {one.verb:5} {one.run_id}  {known_as}{one.event}  {one.detail}"
        lines.append(clean(text))
    return lines


def events(db: duckdb.DuckDBPyConnection, channel: Channel, code: str) -> list[Event]:
    """What happened to the code, to its second one, or to those that a flow knows by that number, oldest first. Empty
    if both sides have it alike. Raises ConfigError if the channel has no run yet, UnknownCode if it has never met the
    code."""
    named = {name: flow.codes_named(code) for name, flow in channel.known_flows.items()}
    patterns = [[flow, pattern] for flow, pattern in named.items() if pattern is not None]
    if not has(db, "main.v_history"):
        raise ConfigError("This channel has not read both sides yet.", "Run plan or push first.")
    codes = [code, *_second_codes(db, channel, code)]
    rows = db.execute(
        "select h.happened_at, h.verb, h.run_id, h.code, h.flow, h.event, coalesce(h.detail, ''), c.action, "
        "cast(c.before as varchar), cast(c.after as varchar) from v_history h left join sync.changes c "
        "on c.run_id = h.run_id and c.flow = h.flow and c.key = h.code and h.event = 'planned ' || c.action "
        f"where {_matching(len(patterns))} order by h.happened_at, h.code, h.event",
        [codes, *(value for pair in patterns for value in pair)],
    ).fetchall()
    known = has(db, "main.v_products")
    if not rows and (not known or not db.execute(_IS_KNOWN, [codes]).fetchall()):
        closest = db.execute(_CLOSEST, {"code": code, "least": CLOSE_FROM}).fetchall() if known else []
        raise UnknownCode(code, [one for (one,) in closest])
    found = []
    for at, verb, run, known_as, flow, event, message, action, before, after in rows:
        detail = message if action is None else _planned(channel, flow, action, before, after)
        found.append(Event(at, verb, run, known_as, flow, event, detail))
    return found


def _second_codes(db: duckdb.DuckDBPyConnection, channel: Channel, code: str) -> list[str]:
    """The codes by which one of the sides knows the row, if they are others."""
    found = set[str]()
    for table in {flow.second_codes for flow in channel.known_flows.values() if flow.second_codes is not None}:
        if has(db, table.name):
            one, other = (column.name for column in table.columns)
            query = f"select {one}, {other} from {table.name} where $code in ({one}, {other})"
            found.update(*db.execute(query, {"code": code}).fetchall())
    return sorted(found - {code})


def _matching(patterns: int) -> str:
    return "h.code in (select unnest(?))" + " or (h.flow = ? and regexp_full_match(h.code, ?))" * patterns


def _planned(channel: Channel, name: str, action: str, before: str | None, after: str | None) -> str:
    """The fields of a planned change as the plan shows them, without the internal columns of its flow."""
    old, new = (decode_exact((text or "{}").encode()) or {} for text in (before, after))
    flow = channel.known_flows.get(name)
    words = flow.change_words if flow else ChangeWords()
    currency = flow.currency(channel.flow_params(name)) if flow and name in channel.flows else ""
    if action == "create":
        described = flow.describe_create(new) if flow else ()
        return "; ".join(described or created_fields(words, new, currency))
    return "; ".join(changed_fields(words, old, new, currency))
