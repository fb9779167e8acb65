"""The expected issue history of a shop: since when an issue is open, why it was closed, how often it occurred."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

Key = tuple[str, str]  # size and rule


@dataclass(frozen=True)
class Issue:
    since: datetime
    closed: str | None = None
    times: int = 1


@dataclass
class IssueHistory:
    """The expected issues. `unsure` after a kill, when it is not known whether the run stored its result."""

    issues: dict[Key, Issue] = field(default_factory=dict)
    unsure: bool = False

    def record(
        self, started_at: datetime, found: set[Key], size_ids: set[str], selected: set[str], narrowed: bool
    ) -> None:
        """Records a run: it found the issues `found`, and it selected the sizes `selected` among `size_ids`."""
        for key in found:
            old = self.issues.get(key)
            if old is None:
                self.issues[key] = Issue(started_at)
            elif old.closed:
                self.issues[key] = Issue(started_at, None, old.times + 1)
        for key, old in self.issues.items():
            stock_item_id = key[0]
            if old.closed or key in found or (narrowed and stock_item_id not in selected):
                continue
            reason = "fixed" if stock_item_id in selected else "skipped" if stock_item_id in size_ids else "gone"
            self.issues[key] = replace(old, closed=reason)

    def compare(self, stored: dict[Key, tuple[datetime, str | None, int]], starts: Iterable[datetime]) -> None:
        """Compares with the stored issues. After a kill, issues that the last two runs may have changed are adopted."""
        actual = {key: Issue(*values) for key, values in stored.items()}
        if self.unsure:
            latest = set(sorted(starts)[-2:])
            for key, issue in actual.items():
                expected = self.issues.get(key)
                if expected != issue and issue.since in latest:
                    self.issues[key] = issue
            self.unsure = False
        assert actual == self.issues
