"""Final check of outgoing rows. Invalid rows were withheld earlier; a failure here is a bug."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors


class BrokenContract(Exception):
    """A frame does not satisfy its schema, or lacks a column of it."""


def non_empty() -> pa.Check:
    """A check that texts are not empty."""
    return pa.Check(lambda text: text.str.len() > 0)


def validate_outgoing(rows: pd.DataFrame, schema: pa.DataFrameSchema) -> None:
    """Raises BrokenContract. The message contains no values, because they may be personal data."""
    try:
        schema.validate(rows, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        missing = cases["check"] == "column_in_dataframe"
        where = cases["column"].mask(missing, cases["failure_case"]).astype("str")
        failed = sorted(set(where + " (" + cases["check"].astype("str") + ")"))[:5]
        raise BrokenContract(f"The contract of a {schema.name} is broken by: {', '.join(failed)}.") from error
