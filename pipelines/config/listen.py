"""`[listen]` of a channel file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from pipelines.core.secret import Secret
from pipelines.core.url import is_this_machine


def _host_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", value):
        raise ValueError("must be an address or a name of this machine, such as 127.0.0.1, without a port")
    return value


HostName = Annotated[str, AfterValidator(_host_name)]


class Listen(BaseModel):
    """Settings of the `listen` service. Without `poll_minutes`, the service does not poll.

    A run starts when no hint has arrived for `settle_s`, and at the latest `longest_s` after the first hint. Each
    system with webhooks adds a key for its secret. The service accepts no messages of a system without a secret.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    host: HostName = "127.0.0.1"
    port: int = Field(default=8625, ge=0, le=65_535)
    settle_s: float = Field(default=5.0, ge=0, le=3600)
    longest_s: float = Field(default=60.0, ge=0, le=24 * 3600)
    tolerance_s: float = Field(default=300.0, gt=0, le=3600)
    poll_minutes: float | None = Field(default=None, gt=0, le=24 * 60 * 31)

    @model_validator(mode="after")
    def _check_delays(self) -> Self:
        if self.longest_s < self.settle_s:
            raise ValueError(f"longest_s = {self.longest_s:g} is less than settle_s = {self.settle_s:g}")
        return self

    def secret(self, key: str) -> Secret | None:
        """The secret under this key, which a system's webhook declares."""
        secret: Secret | None = getattr(self, key, None)
        return secret

    @property
    def is_local_only(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_this_machine(self.host)


def listen_model(secret_keys: Iterable[str]) -> type[Listen]:
    """`Listen` with an optional secret for each of these keys."""
    keys: dict[str, Any] = {key: (Secret | None, None) for key in secret_keys}
    model: type[Listen] = create_model("Listen", __base__=Listen, **keys)
    return model
