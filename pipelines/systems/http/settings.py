"""The settings for HTTP calls in a system's table of a channel file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from pipelines.core.url import WebAddress


class SystemConfig(BaseModel):
    """`[systems.NAME]` of a channel file; each system's model adds its credentials.

    `requests_per_second` is one budget for reads and writes. Times are in seconds, `page_size` and `max_rows` in rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: WebAddress
    requests_per_second: float = Field(default=2.0, gt=0, le=10_000)
    max_in_flight: int = Field(default=1, ge=1, le=64)
    attempts: int = Field(default=6, ge=1, le=20)
    backoff_s: float = Field(default=1.0, gt=0, le=60)
    connect_timeout_s: float = Field(default=10.0, gt=0, le=300)
    read_timeout_s: float = Field(default=90.0, gt=0, le=600)
    page_size: int = Field(default=100, ge=1, le=10_000)
    max_rows: int = Field(default=5_000_000, ge=1)
