"""The contract of a stock amount for Centra, and the final check before it is sent."""

from __future__ import annotations

import pandera.pandas as pa

from schemas.contract import Contract
from schemas.outgoing_contract import non_empty

# `key` is the full code or the EAN, by which Centra identifies a size. Amounts are absolute, in units.
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
