"""A transform and a target that raise exceptions with a secret in the message, for use in a channel file."""

from __future__ import annotations

import os
from typing import Any

from transforms.products import Params


class Products:
    """A target that raises an exception with a token; its cause has another secret."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def create(self, key: str, product: dict[str, Any]) -> str:
        try:
            raise KeyError(f"Bearer {self.client.tokens.current()}")
        except KeyError as error:
            raise ValueError(f"Authorization: {os.environ['CANARY_CLIENT_SECRET']}\x1b[2J") from error

    update = create


def to_myogo(sizes: Any, prices: Any, params: Params) -> Any:
    raise RuntimeError(f"token={os.environ['CANARY_CENTRA_TOKEN']} password={os.environ['CANARY_SECRET_TOKEN']}")


def __getattr__(name: str) -> Any:
    """Any other name raises while the channel file is loaded, before any secret is read."""
    raise RuntimeError(f"{name}: {os.environ.get('CANARY_SECRET_TOKEN')}, {os.environ.get('CANARY_CENTRA_TOKEN')}")
