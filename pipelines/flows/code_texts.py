"""The parts of codes as they were last read as text, to notice one that comes as a number and has lost its zeros."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pipelines.state.schema import Table, columns
from pipelines.state.store import Store
from schemas.fields.centra import CODE_FIELDS, CODE_PARTS
from transforms.select import matches

TABLE = Table(
    "out_myogo.code_texts",
    "The parts of each size's code as they were last read as text.",
    columns(
        """
        stock_item_id varchar | The size in Centra.
        sku varchar | First part of the code.
        variant_sku varchar | Second part.
        size_sku varchar | Third part.
        """
    ),
)
_PARTS = dict(zip(CODE_FIELDS, CODE_PARTS, strict=True))
# `extra` has a part whose column is filled only if it came as an integer.
_CHANGED = " union all ".join(
    f"""select p.stock_item_id, '{field}' as field, p.{part} as number, t.{part} as text
    from raw_centra.products p join {TABLE.name} t using (stock_item_id)
    where json_exists(p.extra, '$.{field}') and p.{part} is not null and t.{part} <> '' and t.{part} <> p.{part}"""
    for field, part in _PARTS.items()
)


def _newest(part: str, field: str) -> str:
    """The part as text: as it was read now, or if it came as another type and is not accepted, as before."""
    before = f"case when a.key is null and json_exists(p.extra, '$.{field}') then t.{part} end"
    return f"coalesce({before}, p.{part}) as {part}"


def describe_changed(store: Store, products: pd.DataFrame, accepted: Sequence[str]) -> pd.Series:
    """For each product, the parts of its code that came as integers but were another text before; null if there are
    none, or if the code matches a pattern of `accepted`."""
    changed = store.connection.sql(f"from ({_CHANGED}) order by all").df()
    words = [
        f"{field} is the number {number}, and was the text {text!r} when it was last read as text"
        for field, number, text in zip(changed["field"], changed["number"], changed["text"], strict=True)
    ]
    by_size = pd.Series(words, index=changed["stock_item_id"], dtype="str").groupby(level=0).agg(", ".join)
    described = products["stock_item_id"].map(by_size).astype("str")
    return described.mask(matches([products["code"]], accepted)) if accepted else described


def record(store: Store, products: pd.DataFrame, accepted: Sequence[str]) -> None:
    """Stores the parts that were read as text now, and those whose code is accepted."""
    now_accepted = products.loc[matches([products["code"]], accepted), "stock_item_id"] if accepted else pd.Series([])
    parts = ", ".join(_newest(part, field) for field, part in _PARTS.items())
    with store.keys(now_accepted) as keys, store.transaction(TABLE.name):
        store.connection.execute(
            f"""create or replace temp table read_now as select p.stock_item_id, {parts} from raw_centra.products p
            left join {TABLE.name} t using (stock_item_id) left join {keys} a on a.key = p.stock_item_id"""
        )
        store.connection.execute(f"delete from {TABLE.name}")
        store.connection.execute(f"insert into {TABLE.name} by name from read_now")
        store.connection.execute("drop table read_now")
