"""The plan: the difference between the desired rows and the rows in the target, as frozen data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandas as pd

from pipelines.core.json_codec import encode
from schemas.contract import Contract
from schemas.membership import is_in
from transforms.price import plain_money

CHUNK_ROWS = 10_000  # rows held as Python objects at the same time
CHANGE_COLUMNS = ["action", "key", "source_id", "before", "after"]


@dataclass(frozen=True)
class Plan:
    """`changes` is sorted by action and key; `before` and `after` are JSON objects of our columns.

    For a create, `after` is the complete record and `before` is empty; for an update, both hold only the changed
    fields. `live` is the number of rows in the target. `personal` maps the key of a create to a JSON object with its
    personal data, which is never stored. `found` has `source_id` and `key` of the unchanged rows.
    """

    changes: pd.DataFrame
    unchanged: int
    live: int
    fingerprint: str
    personal: dict[str, str] = field(default_factory=dict, repr=False)
    found: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["source_id", "key"]), repr=False)

    def count(self, action: str) -> int:
        return int((self.changes["action"] == action).sum())


def diff(desired: pd.DataFrame, live: pd.DataFrame, contract: Contract) -> Plan:
    """The plan that turns `live` into `desired`. Both have the contract's columns with the same types, and unique keys;
    `desired` also has `source_id`.

    A value that `desired` lacks is neither sent nor compared: the target keeps its value. A `create_only` column is
    sent if the target has no value yet; a later difference is drift, not a change.
    """
    key = contract.key
    known = is_in(desired[key], live[key])
    new = desired[~known]
    existing = desired[known].sort_values(key, ignore_index=True)
    current = live.set_index(key).loc[existing[key]].reset_index()
    differs = {}
    for column in contract.compare:
        differs[column] = existing[column].notna() & ~_equal(existing[column], current[column])
    for column in contract.create_only:
        differs[column] = existing[column].notna() & _blank(current[column])
    changed = pd.DataFrame(differs, index=existing.index, dtype=bool)
    rows = changed.any(axis=1)
    updates = _changes(
        "update", key, existing[rows], _objects(current[rows], changed[rows]), _objects(existing[rows], changed[rows])
    )
    columns = list(contract.columns)
    filled = pd.DataFrame({column: new[column].notna() for column in columns})
    empty = pd.Series("{}", index=new.index, dtype="str")
    creates = _changes("create", key, new, empty, _objects(new[columns], filled))
    changes = pd.concat([creates, updates]).sort_values(["action", "key"], ignore_index=True)
    private = new[list(contract.personal)]
    personal = dict(zip(new[key], _objects(private, private.notna()), strict=True)) if contract.personal else {}
    found = existing.loc[~rows, ["source_id", key]].rename(columns={key: "key"})
    return Plan(changes, len(found), len(live), _fingerprint(changes, personal), personal, found)


def _equal(desired: pd.Series, live: pd.Series) -> pd.Series:
    return (desired == live).fillna(False).astype(bool)


def _blank(texts: pd.Series) -> pd.Series:
    return texts.fillna("") == ""


def _changes(action: str, key: str, rows: pd.DataFrame, before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """`rows`, `before` and `after` share an index."""
    columns = {
        "action": action,
        "key": rows[key],
        "source_id": rows["source_id"],
        "before": before,
        "after": after,
    }
    return pd.DataFrame(columns).astype("str")


def _objects(rows: pd.DataFrame, mask: pd.DataFrame) -> pd.Series:
    """One JSON object per row, of the cells that `mask` marks."""
    chunks = [slice(begin, begin + CHUNK_ROWS) for begin in range(0, len(rows), CHUNK_ROWS)]
    parts = [pd.Series(_to_json(rows[chunk], mask[chunk]), dtype="str") for chunk in chunks]
    texts: pd.Series = pd.concat([pd.Series(dtype="str"), *parts])
    return texts.set_axis(rows.index)


def _to_json(rows: pd.DataFrame, mask: pd.DataFrame) -> list[str]:
    objects: list[dict[str, Any]] = [{} for _ in range(len(rows))]
    for column in mask.columns:
        values = rows[column].astype(object).tolist()
        for place in mask[column].to_numpy().nonzero()[0]:
            objects[place][column] = _plain(values[place])
    return [encode(one).decode() for one in objects]


def _plain(value: Any) -> Any:
    """Money as `plain_money` writes it; a missing value as null."""
    if isinstance(value, Decimal):
        return plain_money(value)
    return None if pd.isna(value) else value


def _fingerprint(changes: pd.DataFrame, personal: dict[str, str]) -> str:
    """A digest of the changes, which are sorted, and of the personal data."""
    digest = hashlib.sha256()
    for row in changes[["action", "key", "before", "after"]].itertuples(index=False):
        digest.update(encode(row))
        digest.update(b"\n")
    for key in sorted(personal):
        digest.update(encode([key, personal[key]]))
    return digest.hexdigest()[:16]
