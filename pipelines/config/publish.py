"""`publish` of a channel file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Publish(BaseModel):
    """Where each run publishes a copy without personal data, and which group may read it.

    A relative path counts from the folder of the channel file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    group: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$")
