"""One field of the settings: what its input shows, and what the value that was sent means for the channel file."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipelines.config.channel_editor import REMOVE, Key
from pipelines.web.access.request_facts import Form

Kind = Literal["text", "number", "secret", "flag", "date", "choice", "mapping"]
FREE_LINES = 2  # of a mapping
TICKED = "on"


@dataclass
class Field:
    """`key` is its place in the channel file. `default` is the value that counts without the key.

    `value` is what the input shows; a secret has none, and `is_set` says whether there is one. `rows` are the lines of
    a mapping, with the titles `columns`.
    """

    key: Key
    label: str
    hint: str = ""
    kind: Kind = "text"
    options: list[tuple[str, str]] = field(default_factory=list)
    default: Any = None
    columns: tuple[str, str] = ("", "")
    identifier: bool = False
    is_set: bool = False
    value: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""

    @property
    def name(self) -> str:
        return ".".join(self.key)

    @property
    def id(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"f-{self.name}".lower())

    def show(self, stored: Any, seen: Sequence[tuple[str, str]] = ()) -> None:
        """Takes the value of the channel file (None: the default), and the values that occur in the tables."""
        if self.kind == "mapping":
            self.rows = _lines(stored, [value for value, _ in seen])
            return
        self.value = _text(self.default if stored is None else stored)
        if seen:
            self.kind, self.options = "choice", [("", "not chosen"), *seen]
        if self.kind == "choice" and self.value not in dict(self.options):
            self.options.append((self.value, f"{self.value} (not among those seen)"))

    def take(self, form: Form) -> None:
        """Takes what was sent, so that the page can show it again."""
        if self.kind == "mapping":
            methods, codes = form.get(f"{self.name}:from", []), form.get(f"{self.name}:to", [])
            pairs = zip(map(str.strip, methods), map(str.strip, codes), strict=False)
            self.rows = [*(pair for pair in pairs if any(pair)), *[("", "")] * FREE_LINES]
        elif self.kind == "flag":
            self.value = TICKED if form.get(self.name) else ""
        elif self.kind != "secret":
            self.value = form.get(self.name, [""])[0].strip()
            if self.kind == "choice" and self.value not in dict(self.options):
                self.options.append((self.value, self.value))

    def changes(self, stored: Any) -> list[tuple[Key, Any]]:
        """What the value means for the file, which has `stored`. Sets `error` if it means nothing."""
        try:
            if self.kind == "mapping":
                return self._mapping_changes(stored)
            value = self._parsed()
        except ValueError as error:
            self.error = str(error)
            return []
        if stored is None and (value is REMOVE or value == self.default):
            return []
        return [(self.key, value)]

    def _parsed(self) -> Any:
        if self.kind == "flag":
            return self.value == TICKED
        if not self.value:
            return REMOVE
        if self.kind == "number":
            return _number(self.value)
        if self.kind == "date":
            try:
                return datetime.date.fromisoformat(self.value)
            except ValueError:
                raise ValueError("must be a day such as 2026-12-01") from None
        return self.value

    def _mapping_changes(self, stored: Any) -> list[tuple[Key, Any]]:
        wanted: dict[str, str] = {}
        for method, code in self.rows:
            if code and not method:
                raise ValueError(f"{code} has no {self.columns[0].lower()}")
            if code and method.casefold() in map(str.casefold, wanted):
                raise ValueError(f"{method} is there twice")
            if code:
                wanted[method] = code
        before = stored if isinstance(stored, Mapping) else {}
        kept = {method.strip(): method for method in before}
        removed = [((*self.key, method), REMOVE) for method in before if method.strip() not in wanted]
        return removed + [((*self.key, kept.get(method, method)), code) for method, code in wanted.items()]


def _lines(stored: Any, seen: Sequence[str]) -> list[tuple[str, str]]:
    """The lines of the file, then the values that have none there, then free ones."""
    mapped = [(key.strip(), _text(code)) for key, code in stored.items()] if isinstance(stored, Mapping) else []
    known = {key.casefold() for key, _ in mapped}
    missing = [(value, "") for value in seen if value.casefold() not in known]
    return [*mapped, *missing, *[("", "")] * FREE_LINES]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return TICKED if value else ""
    if isinstance(value, str | int | float):
        return str(value)
    return value.isoformat() if isinstance(value, datetime.date) else ""


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a number, with a point before the decimals") from None
    return number
