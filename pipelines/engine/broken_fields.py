"""Stops a run if a field that a flow needs cannot be read in too many rows: then the system's answers have changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipelines.core.errors import ContractError
from pipelines.engine.flow import Flow, StagedRows
from pipelines.engine.safety_limits import MIN_ROWS_FOR_SHARE, exact, percent, shortened
from pipelines.state.store import Store
from schemas.fields.spec import MISSING

MAX_BROKEN_SHARE = 0.02
MAX_EXAMPLES, MAX_VALUE = 3, 40
_TWO_VALUES = '{"given_more_than_once":'  # one row that contradicts itself does not show that the answers have changed


@dataclass(frozen=True)
class BrokenField:
    """A field that cannot be read: in how many of the rows, and the first of them with the beginning of its value."""

    name: str
    rows: int
    of: int
    examples: tuple[str, ...]


def refuse_broken_fields(store: Store, flows: Mapping[str, Flow]) -> None:
    """Raises ContractError if a flow needs a field that cannot be read in more than `max_broken_share` of the rows, and
    in at least MIN_ROWS_FOR_SHARE of them."""
    for name, flow in flows.items():
        share = getattr(flow.context.limits, "max_broken_share", MAX_BROKEN_SHARE)
        for staged in flow.reads():
            for field in broken_fields(store, staged):
                if field.rows >= MIN_ROWS_FOR_SHARE and field.rows > exact(share) * field.of:
                    raise ContractError(
                        f"{staged.title}: the field {field.name!r} cannot be read in {field.rows} of {field.of} rows "
                        f"({percent(field.rows, field.of)}), more than max_broken_share = {share:g}. The first: "
                        f"{', '.join(field.examples)}.",
                        "Nothing was written, and the next run ends the same way: the system's answers have changed. "
                        "Show this message to its support and to us. If these rows are known, set max_broken_share in "
                        f"[flows.{name}.limits] of {flow.context.channel.path}: then they are withheld one by one.",
                    )


def broken_fields(store: Store, staged: StagedRows) -> Iterable[BrokenField]:
    """The fields of `staged` that cannot be read in at least one row, by name.

    A staged value of an unexpected type is kept in the column `extra`, a JSON object by vendor key.
    """
    mentioned = " or ".join(f"contains(extra, '\"{field}\":')" for field in staged.fields)
    rows = store.frame(staged.table, [staged.key, "extra"], f"where {mentioned} order by {staged.key}")
    found: dict[str, list[str]] = {}
    for key, extra in zip(rows[staged.key], rows["extra"], strict=True):
        values = json.loads(extra)
        for field in staged.fields:
            if field not in values or staged.is_readable(field, values[field]):
                continue
            if not (value := _brief(values[field])).startswith(_TWO_VALUES):
                found.setdefault(field, []).append(f"{shortened(str(key))} ({value})")
    if not found:
        return
    (total,) = store.connection.execute(f"select count(*) from {staged.table}").fetchall()[0]
    for field, examples in sorted(found.items()):
        yield BrokenField(field, len(examples), int(total), tuple(examples[:MAX_EXAMPLES]))


def _brief(value: object) -> str:
    """The beginning of a value."""
    if value == MISSING:
        return "missing"
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"
