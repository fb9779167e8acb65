"""Messages about problems in a channel file: the file, the key, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.config.suggestion import suggestion

FIX = "Correct the channel file and run again."
_MESSAGES = {
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list in square brackets",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number that is not infinite",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}
_PATTERNS = {
    "^[A-Za-z]{3}$": "must be three letters such as EUR",
    r"^[a-z0-9][a-z0-9_-]{0,62}$": "must have small letters, digits, - and _ only, such as se-web",
    r"^[A-Za-z0-9_.]{1,40}$": "must have letters, digits, _ and . only, at most 40 of them",
}


def validation_messages(path: Path, error: ValidationError, place: tuple[str, ...], known: Iterable[str]) -> list[str]:
    """One line per validation error below the key `place`, whose valid keys are `known`."""
    lines = []
    for item in error.errors():
        location = (*place, *(str(part) for part in item["loc"]))
        key = ".".join(location)
        if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            # Keys one level deeper belong to a nested table or to a secret.
            keys = known if len(item["loc"]) == 1 else _keys_below(item["loc"])
            lines.append(f"{path}: unknown key {key}{suggestion(location[-1], keys)}")
        elif item["type"] == "missing":
            lines.append(f"{path}: missing key {key}")
        else:
            message = item["msg"].removeprefix("Value error, ")
            if item["type"] == "string_pattern_mismatch":
                message = _PATTERNS.get(item["ctx"]["pattern"], message)
            elif item["type"] in _MESSAGES:
                message = _MESSAGES[item["type"]].format(**_plain_numbers(item.get("ctx", {})))
            lines.append(f"{path}: {key}: {message}" if key else f"{path}: {message}")
    return lines


def _keys_below(location: tuple[int | str, ...]) -> list[str]:
    tables = {"select": ["include", "exclude"], "expectations": ["enabled", "stop"]}
    return tables.get(str(location[0]), ["env", "file"])


def _plain_numbers(context: Mapping[str, Any]) -> dict[str, Any]:
    """1.0 as 1."""
    return {key: f"{value:g}" if isinstance(value, float) else value for key, value in context.items()}


_KINDS: dict[type, str] = {bool: "must be true or false", int: "must be a whole number", float: "must be a number"}


def mistyped_values(path: Path, values: Any, typed: Any, place: tuple[str, ...]) -> list[str]:
    """One line per value below the key `place` that pydantic has converted: a text or a number taken for true or false,
    a text or true taken for a number. `typed` is what it made of `values`.

    Not by pydantic's strict mode, which refuses a list for a tuple and a table for a dataclass too.
    """
    if isinstance(values, Mapping):
        return [
            line
            for key, value in values.items()
            for line in mistyped_values(
                path, value, typed.get(key) if isinstance(typed, Mapping) else getattr(typed, key, None), (*place, key)
            )
        ]
    if isinstance(values, list) and isinstance(typed, tuple | list):
        return [
            line
            for number, (value, one) in enumerate(zip(values, typed, strict=False))
            for line in mistyped_values(path, value, one, (*place, str(number)))
        ]
    is_number = type(values) in (int, float)
    is_right = type(values) is type(typed) or (is_number and type(typed) in (int, float))
    if type(typed) in _KINDS and not is_right:
        return [f"{path}: {'.'.join(place)}: {_KINDS[type(typed)]}"]
    if is_number and not is_right and typed is not None:  # a day, from a number
        return [f"{path}: {'.'.join(place)}: must not be a number"]
    return []
