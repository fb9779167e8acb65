"""Sizes that keep an old product of myOGO: their code was changed in Centra, and myOGO goes on with the old one."""

from __future__ import annotations

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


def kept_codes(channel: Channel, store: Store) -> dict[str, str]:
    """The code in myOGO, by the code in Centra, and records them in TABLE. A pair whose product myOGO does not hold, or
    not any more, has no effect: a renamed product is found by its new code."""
    wanted = channel.flow_params(PRODUCTS_FLOW).kept_codes if PRODUCTS_FLOW in channel.flows else {}
    kept = dict[str, str]()
    if wanted:
        with store.keys(pd.Series(sorted({*wanted.values()}), dtype="str")) as keys:
            held = store.frame("raw_myogo.products", ["code"], f"where code in (from {keys})")["code"]
        kept = {code: old for code, old in wanted.items() if old in {*held}}
    columns = ["code", "code_in_myogo"]
    if dict(store.frame(TABLE.name, columns).itertuples(index=False, name=None)) != kept:
        store.replace(TABLE.name, pd.DataFrame([*kept.items()], columns=columns, dtype="str"))
    return kept
