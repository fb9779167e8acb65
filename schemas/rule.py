"""What a row rule says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Owner = Literal["Centra", "myOGO", "channel file"]


@dataclass(frozen=True)
class Rule:
    """`withholds`: the row is not sent. `meaning` completes "rows where ..."; `fix` says where to do what."""

    id: str
    withholds: bool
    meaning: str
    cause: str
    fix: str
    owner: Owner
    flow: str = "products"
