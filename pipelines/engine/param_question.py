"""What the page with the settings asks about a flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ParamQuestion:
    """The value of one key of `[flows.NAME.params]`.

    A "choice" is one of `options` (value and label); a "mapping" is a table of texts, whose keys and values are called
    `columns`. Each value of a "table" is itself a table with the keys `parts`, each with its default; the first of them
    is required. Its `columns` are the titles of the key and of the parts. `seen` is a query of the published file for
    the values that occur, or the keys of a mapping or a table: its columns are `value` and `label`, and `$key` in it is
    the value of another parameter.
    """

    key: str
    text: str
    hint: str = ""
    kind: Literal["text", "flag", "date", "choice", "mapping", "table"] = "text"
    options: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ("", "")
    parts: tuple[tuple[str, str | bool], ...] = ()
    seen: str = ""
