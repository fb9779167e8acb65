"""What may be written to Centra as an amount."""

from __future__ import annotations

import pandera.pandas as pa

from schemas.contract import Contract
from schemas.outgoing_contract import non_empty

# `key` is what Centra identifies a size by: the full code, or the EAN. Amounts are absolute, in units.
LEVEL = Contract(key="key", compare=("quantity",), create_only=())


SENDABLE = pa.DataFrameSchema(
    {
        "key": pa.Column(unique=True, checks=[non_empty()]),
        "quantity": pa.Column("Int64", checks=[pa.Check.ge(0)]),
        "source_id": pa.Column(unique=True),
    },
    index=pa.Index(int, unique=True),
    name="stock level",
)
