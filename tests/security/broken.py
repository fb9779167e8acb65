"""Faults of ours whose words hold a secret, for a channel file to name."""

from __future__ import annotations

import os
from typing import Any

from transforms.products import Params


class Products:
    """A target that breaks with the token in its mouth, in an exception below an exception."""

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
    """Naming anything else of this module breaks while the channel file is read, before any secret was asked for."""
    raise RuntimeError(f"{name}: {os.environ.get('CANARY_SECRET_TOKEN')}, {os.environ.get('CANARY_CENTRA_TOKEN')}")
