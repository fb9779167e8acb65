"""`[state]` of a channel file."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipelines.core.secret import Secret


class State(BaseModel):
    """Where the state of a channel is kept that runs on any of several machines.

    `database` is the address of a PostgreSQL database, `snapshots` a folder that all machines share, or a bucket.
    `lease_s` is how long a machine has the channel without a sign of life, in seconds; `keep` is how many snapshots
    stay. With "keep" as `personal_data`, they hold personal data as the working file does. With `share_rates`, channels
    with the same Centra environment or the same merchant share its `requests_per_second`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    database: Secret
    snapshots: str
    lease_s: float = Field(default=300.0, gt=0, le=3600)
    keep: int = Field(default=3, ge=1, le=100)
    personal_data: Literal["blank", "keep"] = "blank"
    share_rates: bool = True

    @field_validator("snapshots")
    @classmethod
    def _check_snapshots(cls, value: str) -> str:
        if not re.fullmatch(r"file:///[^?#]+|s3://[A-Za-z0-9][A-Za-z0-9.-]+(/[^?#]*)?", value):
            raise ValueError('must be "file:///FOLDER" or "s3://BUCKET/PREFIX", without secrets')
        return value.rstrip("/")

    def problem(self, longest_call_s: float) -> str:
        """Why the lease is too short for calls that may take so long, in seconds; "" if it is not."""
        if self.lease_s >= 2 * longest_call_s:
            return ""
        return (
            f"state.lease_s: {self.lease_s:g} s is too short: a call may take {longest_call_s:g} s "
            f"(connect_timeout_s + read_timeout_s), and a lease must last twice as long. Write {2 * longest_call_s:g} "
            "or more."
        )
