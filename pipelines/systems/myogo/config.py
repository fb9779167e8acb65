"""`[systems.myogo]` of a channel file."""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import urlsplit

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


def budget_of(config: MyOgoConfig) -> str:
    """What myOGO counts requests by: the merchant. A digest names it, because merchant ids are kept secret."""
    host = urlsplit(config.base_url).netloc
    merchant = sha256(f"{host} {config.merchant_id.reveal(identifier=True)}".encode()).hexdigest()
    return f"{host} merchant {merchant[:16]}"
