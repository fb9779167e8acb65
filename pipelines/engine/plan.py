"""What would be done: the difference between what we want and what the target holds, as frozen data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandas as pd

from pipelines.core.json_codec import encode
from schemas.contract import Contract
from transforms.price import plain_money

CHUNK_ROWS = 10_000  # rows that are Python objects at one time
CHANGE_COLUMNS = ["action", "key", "source_id", "before", "after"]


@dataclass(frozen=True)
class Plan:
    """`changes` is sorted by action and key; `before` and `after` are JSON objects of our columns.

    A create's `after` is the whole product and its `before` empty; an update's hold the changed fields only.
    `live` is how many rows the target holds. `personal` is what belongs to a create and is kept nowhere: a JSON
    object by key.
    """

    changes: pd.DataFrame
    unchanged: int
    live: int
    fingerprint: str
    personal: dict[str, str] = field(default_factory=dict, repr=False)

    def count(self, action: str) -> int:
        return int((self.changes["action"] == action).sum())


def diff(desired: pd.DataFrame, live: pd.DataFrame, contract: Contract) -> Plan:
    """The plan that takes `live` to `desired`. Both hold the contract's columns in the same types, keys unique;
    `desired` also has `source_id`.

    A value that `desired` does not have is never sent and never compared: what the target holds stays. A
    `create_only` column is sent where the target has none yet; a later difference is drift, not a change.
    """
    key = contract.key
    known = desired[key].isin(live[key])
    new = desired[~known]
    held = desired[known].sort_values(key, ignore_index=True)
    there = live.set_index(key).loc[held[key]].reset_index()
    differs = {}
    for column in contract.compare:
        differs[column] = held[column].notna() & ~_equal(held[column], there[column])
    for column in contract.create_only:
        differs[column] = held[column].notna() & _blank(there[column])
    changed = pd.DataFrame(differs, index=held.index, dtype=bool)
    rows = changed.any(axis=1)
    updates = _changes(
        "update", key, held[rows], _objects(there[rows], changed[rows]), _objects(held[rows], changed[rows])
    )
    columns = list(contract.columns)
    whole = pd.DataFrame({column: new[column].notna() for column in columns})
    nothing = pd.Series("{}", index=new.index, dtype="str")
    creates = _changes("create", key, new, nothing, _objects(new[columns], whole))
    changes = pd.concat([creates, updates]).sort_values(["action", "key"], ignore_index=True)
    private = new[list(contract.personal)]
    personal = dict(zip(new[key], _objects(private, private.notna()), strict=True)) if contract.personal else {}
    return Plan(changes, int((~rows).sum()), len(live), _fingerprint(changes, personal), personal)


def _equal(mine: pd.Series, theirs: pd.Series) -> pd.Series:
    return (mine == theirs).fillna(False).astype(bool)


def _blank(texts: pd.Series) -> pd.Series:
    return texts.fillna("") == ""


def _changes(action: str, key: str, rows: pd.DataFrame, before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """The three share an index."""
    made = {
        "action": action,
        "key": rows[key],
        "source_id": rows["source_id"],
        "before": before,
        "after": after,
    }
    return pd.DataFrame(made, index=rows.index, columns=CHANGE_COLUMNS).astype("str")


def _objects(rows: pd.DataFrame, shown: pd.DataFrame) -> pd.Series:
    """Row by row, the cells that `shown` marks, as a JSON object."""
    chunks = [slice(begin, begin + CHUNK_ROWS) for begin in range(0, len(rows), CHUNK_ROWS)]
    made = [pd.Series(_to_json(rows[chunk], shown[chunk]), dtype="str") for chunk in chunks]
    texts: pd.Series = pd.concat([pd.Series(dtype="str"), *made])
    return texts.set_axis(rows.index)


def _to_json(rows: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    columns = list(shown.columns)
    cells = zip(*(rows[column].astype(object) for column in columns), strict=True)
    marks = shown.to_numpy()
    return [
        encode({c: _plain(v) for c, v, use in zip(columns, row, mark, strict=True) if use}).decode()
        for row, mark in zip(cells, marks, strict=True)
    ]


def _plain(value: Any) -> Any:
    """Money as `plain_money` writes it; absent values as null."""
    if isinstance(value, Decimal):
        return plain_money(value)
    return None if pd.isna(value) else value


def _fingerprint(changes: pd.DataFrame, personal: dict[str, str]) -> str:
    """The same for the same changes against the same state, whatever the order they were found in."""
    digest = hashlib.sha256()
    for row in changes[["action", "key", "before", "after"]].itertuples(index=False):
        digest.update(encode(row))
        digest.update(b"\n")
    for key in sorted(personal):
        digest.update(encode([key, personal[key]]))
    return digest.hexdigest()[:16]
