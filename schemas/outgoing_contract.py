"""The last look at what is sent: what is unfit was to be withheld before, so anything found here is our fault."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors


class BrokenContract(Exception):
    """The frame as a whole is not what the contract speaks of: a missing column, for example."""


def non_empty() -> pa.Check:
    """A text with something in it."""
    return pa.Check(lambda text: text.str.len() > 0)


def validate_outgoing(rows: pd.DataFrame, schema: pa.DataFrameSchema) -> None:
    """Raises BrokenContract. Of the values at fault none is told: they may say something of a person."""
    try:
        schema.validate(rows, lazy=True)
    except SchemaErrors as error:
        told = error.failure_cases[["column", "check"]].drop_duplicates().head().astype("str").to_dict("records")
        raise BrokenContract(f"the contract of a {schema.name} does not hold: {told}") from error
