"""The patterns of --sku: each must match a code that was read."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pipelines.core.errors import ConfigError
from transforms.select import closest_codes, matches


def require_matches(patterns: Sequence[str], codes: Sequence[pd.Series]) -> None:
    """Raises ConfigError for a pattern that matches none of the codes, which are those of each flow."""
    for pattern in patterns:
        if pattern != "*" and not any(matches([of_flow], (pattern,)).any() for of_flow in codes):
            near = closest_codes(pattern, pd.concat(codes, ignore_index=True))
            raise ConfigError(
                f"--sku {pattern!r} matches none of the codes that were read.",
                f"Nothing was written. Closest: {', '.join(map(repr, near))}." if near else "Nothing was written.",
            )
