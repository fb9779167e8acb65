"""`[systems.myogo]` of a channel file."""

from __future__ import annotations

from pydantic import Field

from pipelines.core.secret import Secret
from pipelines.core.url import WebAddress
from pipelines.systems.http.settings import SystemConfig


class MyOgoConfig(SystemConfig):
    token_url: WebAddress
    client_id: Secret
    client_secret: Secret
    merchant_id: Secret
    secret_token: Secret
    page_size: int = Field(default=250, ge=1, le=250)
