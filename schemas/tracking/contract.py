"""The contract of a completed shipment in Centra, and the final check before it is sent."""

from __future__ import annotations

import pandera.pandas as pa

from schemas.contract import Contract
from schemas.outgoing_contract import non_empty

# A shipment is completed once. Centra's API has no field for a tracking address.
COMPLETION = Contract(
    key="shipment_id",
    compare=("shipped", "tracking", "packages", "carrier", "service"),
    create_only=(),
)


SENDABLE = pa.DataFrameSchema(
    {
        "shipment_id": pa.Column(unique=True, checks=[non_empty()]),
        "shipped": pa.Column(bool, checks=[pa.Check.eq(True)]),
        "packages": pa.Column(int, checks=[pa.Check.ge(1)]),
    },
    index=pa.Index(int, unique=True),
    name="completion",
)
