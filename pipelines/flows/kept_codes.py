"""Sizes that keep an old product of myOGO: their code was changed in Centra, and myOGO goes on with the old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from pipelines.config.channel import Channel
from pipelines.state.schema import Table
from pipelines.state.schema import columns as parsed
from pipelines.state.store import Store
from schemas.fields.centra import CODE_SQL

PRODUCTS_FLOW = "products"
TABLE = Table(
    "out_myogo.kept_codes",
    "The sizes that keep an old product of myOGO, as kept_codes of the channel file has them.",
    parsed(
        """
        code varchar | The combined code in Centra.
        code_in_myogo varchar | The code of the product in myOGO.
        """
    ),
)
# Centra's sizes with `code`, by which myOGO knows each, and `centra_code`, which Centra has now.
CODED_SIZES = f"""(
    select p.*, coalesce(k.code_in_myogo, {CODE_SQL}) as code, {CODE_SQL} as centra_code
    from raw_centra.products p left join {TABLE.name} k on k.code = {CODE_SQL})"""


def pairs_of(channel: Channel) -> Mapping[str, str]:
    """`kept_codes` of the channel file, which holds for the other flows though the products flow is switched off."""
    params = channel.params.get(PRODUCTS_FLOW)
    return {} if params is None else params.kept_codes


def old_codes(code: str, pairs: Mapping[str, str]) -> Iterator[str]:
    """The codes that the size had before, newest first: it may have been renamed more than once."""
    seen = {code}
    while code in pairs and (code := pairs[code]) not in seen:
        seen.add(code)
        yield code


def kept_codes(channel: Channel, store: Store) -> dict[str, str]:
    """The code in myOGO, by the code in Centra, and records them in TABLE: the newest old code that myOGO holds. A pair
    whose product myOGO does not hold, or not any more, has no effect: a renamed product is found by its new code."""
    pairs = pairs_of(channel)
    kept = dict[str, str]()
    if pairs:
        held = _held(store, pairs)
        found = {code: next((old for old in old_codes(code, pairs) if old in held), None) for code in pairs}
        kept = {code: old for code, old in found.items() if old is not None}
    columns = ["code", "code_in_myogo"]
    if dict(store.frame(TABLE.name, columns).itertuples(index=False, name=None)) != kept:
        store.replace(TABLE.name, pd.DataFrame([*kept.items()], columns=columns, dtype="str"))
    return kept


def _held(store: Store, pairs: Mapping[str, str]) -> set[str]:
    """The old codes that myOGO has: of its list, or if that was never read, of the products looked up for orders."""
    table = next(
        (f"raw_myogo.{name}" for name in ("products", "ordered_products") if is_staged(store, "raw_myogo", name)), ""
    )
    if not table:
        return set()
    with store.keys(pd.Series(sorted({*pairs.values()}), dtype="str")) as keys:
        return {*store.frame(table, ["code"], f"where code in (from {keys})")["code"]}


def is_staged(store: Store, schema: str, table: str) -> bool:
    """Whether the table was ever read."""
    tables = store.connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]
    ).fetchall()
    return bool(tables[0][0])
