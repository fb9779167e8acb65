"""`[systems.centra]` of a channel file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import field_validator

from pipelines.core.secret import Secret
from pipelines.systems.http.settings import SystemConfig


class CentraConfig(SystemConfig):
    """`stock_verb`, `completion_verb`: Centra's documentation has POST in some places and PUT in others.

    PUT completes a shipment according to today's page and to the changelog of 2021. If Centra refuses it, the other
    verb is tried once.
    """

    token: Secret
    timezone: str | None = None
    stock_verb: Literal["POST", "PUT"] = "POST"
    completion_verb: Literal["POST", "PUT"] = "PUT"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError) as error:
                raise ValueError(f"{value!r} is not a time zone; write it like Europe/Stockholm") from error
        return value

    def format_time(self, at: datetime) -> str:
        """`at` (UTC, without an offset) in Centra's time format, in the company's zone. The API does not return the
        zone."""
        zone = ZoneInfo(self.timezone or "UTC")
        return f"{at.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"
