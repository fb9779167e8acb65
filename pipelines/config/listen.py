"""What a channel file may say about listening."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator, model_validator

from pipelines.config.secret import Secret
from pipelines.config.url import is_this_machine


class Listen(BaseModel):
    """`[listen]` of a channel file. Without `poll_minutes`, somebody else polls.

    A run begins once hints have been quiet for `settle_s`, and no later than `longest_s` after the first of them. Each
    system that can call us adds a key for its secret; one without a secret is not listened to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    host: str = "127.0.0.1"
    port: int = Field(default=8625, ge=0, le=65_535)
    settle_s: float = Field(default=5.0, ge=0, le=3600)
    longest_s: float = Field(default=60.0, ge=0, le=24 * 3600)
    tolerance_s: float = Field(default=300.0, gt=0, le=3600)
    poll_minutes: float | None = Field(default=None, gt=0, le=24 * 60 * 31)

    @field_validator("host")
    @classmethod
    def _a_host(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9.:_-]+", value):
            raise ValueError("must be an address or a name of this machine, such as 127.0.0.1, without a port")
        return value

    @model_validator(mode="after")
    def _settled_before_the_longest(self) -> Self:
        if self.longest_s < self.settle_s:
            raise ValueError(f"longest_s = {self.longest_s:g} is less than settle_s = {self.settle_s:g}")
        return self

    def secret(self, key: str) -> Secret | None:
        """The secret of the system whose webhook names this key."""
        found: Secret | None = getattr(self, key, None)
        return found

    @property
    def stays_here(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return is_this_machine(self.host)


def listen_model(secret_keys: Iterable[str]) -> type[Listen]:
    """`Listen` with an optional secret for each of these keys."""
    keys: dict[str, Any] = {key: (Secret | None, None) for key in secret_keys}
    model: type[Listen] = create_model("Listen", __base__=Listen, **keys)
    return model
