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

Kind = Literal["text", "number", "secret", "flag", "date", "time", "choice", "lines", "mapping", "table"]
FREE_LINES = 2  # of a mapping or a table
TICKED = "on"


@dataclass
class Field:
    """`key` is its place in the channel file. `default` is the value that counts without the key.

    `value` is what the input shows; a secret has none, and `is_set` says whether there is one. "lines" are texts, one a
    line. `rows` are the lines of a mapping or a table, with the titles `columns`; `parts` are the keys of a table's
    values, with their defaults. A secret that `can_go` can be removed, and `goes` if that was ticked. For one that is
    `ours`, we can create a value, and do so if `is_new` was ticked.
    """

    key: Key
    label: str
    hint: str = ""
    kind: Kind = "text"
    options: list[tuple[str, str]] = field(default_factory=list)
    default: Any = None
    columns: tuple[str, ...] = ("", "")
    parts: tuple[tuple[str, str | bool], ...] = ()
    identifier: bool = False
    is_set: bool = False
    optional: bool = False
    can_go: bool = False
    goes: bool = False
    ours: bool = False
    is_new: bool = False
    value: str = ""
    rows: list[tuple[str, ...]] = field(default_factory=list)
    error: str = ""

    @property
    def name(self) -> str:
        return ".".join(self.key)

    @property
    def id(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"f-{self.name}".lower())

    def show(self, stored: Any, seen: Sequence[tuple[str, str]] = ()) -> None:
        """Takes the value of the channel file (None: the default), and the values that occur in the tables."""
        if self.kind in ("mapping", "table"):
            self.rows = self._lines(stored, [value for value, _ in seen])
            return
        if self.kind == "lines":
            self.value = "\n".join(map(str, self.default if stored is None else stored))
            return
        self.value = _text(self.default if stored is None else stored)
        if seen:
            self.kind, self.options = "choice", [("", "not chosen"), *seen]
        if self.kind == "choice" and self.value not in dict(self.options):
            self.options.append((self.value, f"{self.value} (not among those seen)"))

    def take(self, form: Form) -> None:
        """Takes what was sent, so that the page can show it again."""
        if self.kind in ("mapping", "table"):
            columns = ([text.strip() for text in form.get(f"{self.name}:{part}", [])] for part in self.row_parts)
            rows = zip(*columns, strict=False)
            self.rows = [*(row for row in rows if any(row[:3])), *[self._free_line] * FREE_LINES]
        elif self.kind == "flag":
            self.value = TICKED if form.get(self.name) else ""
        elif self.kind == "secret":
            self.goes = self.can_go and bool(form.get(f"{self.name}:remove"))
            self.is_new = self.ours and bool(form.get(f"{self.name}:create"))
        else:
            self.value = form.get(self.name, [""])[0].strip()
            if self.kind == "choice" and self.value not in dict(self.options):
                self.options.append((self.value, self.value))

    @property
    def row_parts(self) -> tuple[str, ...]:
        """The ends of the names of a row's inputs."""
        return ("from", *(key for key, _ in self.parts)) if self.kind == "table" else ("from", "to")

    @property
    def _free_line(self) -> tuple[str, ...]:
        return ("", *(_text(default) for _, default in self.parts)) if self.kind == "table" else ("", "")

    def _lines(self, stored: Any, seen: Sequence[str]) -> list[tuple[str, ...]]:
        """The lines of the file, then the values that have none there, then free ones."""
        free = self._free_line
        mapped = [self._line(key.strip(), one) for key, one in stored.items()] if isinstance(stored, Mapping) else []
        known = {row[0].casefold() for row in mapped}
        missing = [(value, *free[1:]) for value in seen if value.casefold() not in known]
        return [*mapped, *missing, *[free] * FREE_LINES]

    def _line(self, key: str, value: Any) -> tuple[str, ...]:
        if self.kind == "mapping":
            return key, _text(value)
        value = value if isinstance(value, Mapping) else {}
        return (key, *(_text(value.get(part, default)) for part, default in self.parts))

    def changes(self, stored: Any) -> list[tuple[Key, Any]]:
        """What the value means for the file, which has `stored`. Sets `error` if it means nothing."""
        try:
            if self.kind == "mapping":
                return self._mapping_changes(stored)
            if self.kind == "table":
                return self._table_changes(stored)
            value = self._parsed()
        except ValueError as error:
            self.error = str(error)
            return []
        if stored is None and (value is REMOVE or value == self.default):
            return []
        if self.kind == "lines" and value is REMOVE and stored == []:
            return []
        return [(self.key, value)]

    def _parsed(self) -> Any:
        if self.kind == "flag":
            return self.value == TICKED
        if self.kind == "lines":
            return [line.strip() for line in self.value.splitlines() if line.strip()] or REMOVE
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
        for method, code, *_ in self.rows:
            if code and not method:
                raise ValueError(f"{code} has no {_in_sentence(self.columns[0])}")
            if code and method.casefold() in map(str.casefold, wanted):
                raise ValueError(f"{method} is there twice")
            if code:
                wanted[method] = code
        before = stored if isinstance(stored, Mapping) else {}
        kept = {method.strip(): method for method in before}
        removed = [((*self.key, method), REMOVE) for method in before if method.strip() not in wanted]
        return removed + [((*self.key, kept.get(method, method)), code) for method, code in wanted.items()]

    def _table_changes(self, stored: Any) -> list[tuple[Key, Any]]:
        """Each key of a value that stays is changed alone, because comments may stand between them."""
        before = stored if isinstance(stored, Mapping) else {}
        kept = {code.strip(): code for code in before}
        changes: list[tuple[Key, Any]] = []
        seen: set[str] = set()
        for code, *texts in self.rows:
            value = {key: text == TICKED if isinstance(default, bool) else text
                     for (key, default), text in zip(self.parts, texts, strict=True)}  # fmt: skip
            given = {key: value[key] for key, default in self.parts if value[key] != default}
            if not given:
                continue
            if not code:
                raise ValueError(f"{texts[0]} has no {_in_sentence(self.columns[0])}")
            if not texts[0]:
                raise ValueError(f"{code} has no {_in_sentence(self.columns[1])}")
            if code in seen:
                raise ValueError(f"{code} is there twice")
            seen.add(code)
            old = before.get(kept.get(code, code))
            if not isinstance(old, Mapping):
                changes.append(((*self.key, code), given))
                continue
            changes += [((*self.key, kept[code], key), given.get(key, REMOVE)) for key, default in self.parts
                        if value[key] != old.get(key, default)]  # fmt: skip
        return [((*self.key, code), REMOVE) for name, code in kept.items() if name not in seen] + changes


def _in_sentence(title: str) -> str:
    return title[:1].lower() + title[1:]


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
