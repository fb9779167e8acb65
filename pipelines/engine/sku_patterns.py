"""The selection of a run: patterns of --sku, and codes of --codes-from."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pipelines.core.errors import NoMatch
from transforms.select import closest_codes, matches


@dataclass(frozen=True)
class SkuSelection:
    """`patterns` are shell-like. `codes` are exact. A selection without either selects all rows."""

    patterns: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    def as_patterns(self) -> tuple[str, ...]:
        return (*self.patterns, *map(glob.escape, self.codes))

    def require_matches(self, codes: Sequence[pd.Series]) -> None:
        """Raises NoMatch for a pattern that matches none of the codes, which are those of each flow. Of the exact
        codes, one is enough: somebody may have removed the others since they were chosen."""
        for pattern in self.patterns:
            if pattern != "*" and not _any_matches(codes, (pattern,)):
                near = closest_codes(pattern, pd.concat(codes, ignore_index=True))
                raise NoMatch(
                    f"--sku {pattern!r} matches none of the codes that were read.",
                    f"Nothing was written. Closest: {', '.join(map(repr, near))}." if near else "Nothing was written.",
                )
        if self.codes and not _any_matches(codes, SkuSelection(codes=self.codes).as_patterns()):
            raise NoMatch(
                f"None of the {len(self.codes):,} codes that were chosen is there any more, such as {self.codes[0]!r}.",
                "Nothing was written. Refresh, and choose again.",
            )


ALL_ROWS = SkuSelection()


def _any_matches(codes: Sequence[pd.Series], patterns: Sequence[str]) -> bool:
    return any(matches([of_flow], patterns).any() for of_flow in codes)
