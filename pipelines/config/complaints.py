"""What is wrong with a channel file, in words: file, key, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

FIX = "Correct the channel file and run again."
_SAID = {
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list in square brackets",
    "string_type": "must be text in quotes",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like it, or all of them, as the end of a sentence."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"


def complaints(path: Path, error: ValidationError, place: tuple[str, ...], known: Iterable[str]) -> list[str]:
    """One line per thing that is wrong below `place`, whose keys are `known`."""
    lines = []
    for item in error.errors():
        location = (*place, *(str(part) for part in item["loc"]))
        key = ".".join(location)
        if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            # Below the place itself only a secret has keys.
            keys = known if len(item["loc"]) == 1 else _keys_below(item["loc"])
            lines.append(f"{path}: unknown key {key}{nearest(location[-1], keys)}")
        elif item["type"] == "missing":
            lines.append(f"{path}: missing key {key}")
        else:
            said = _SAID.get(item["type"], item["msg"].removeprefix("Value error, "))
            lines.append(f"{path}: {key}: {said}" if key else f"{path}: {said}")
    return lines


def _keys_below(location: tuple[int | str, ...]) -> list[str]:
    tables = {"select": ["include", "exclude"], "expectations": ["stop"]}
    return tables.get(str(location[0]), ["env", "file"])
