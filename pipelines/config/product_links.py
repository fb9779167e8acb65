"""`[links]` of a channel file: where a product opens in each system."""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, create_model

from pipelines.config.suggestion import suggestion

PLACEHOLDERS = ("code", "product_id", "variant_id")


def _pattern(pattern: str) -> str:
    if not pattern.isprintable() or " " in pattern or "\\" in pattern:
        raise ValueError("must not contain a blank, a backslash or an invisible character")
    try:
        pieces = [*string.Formatter().parse(pattern)]
    except ValueError as error:
        raise ValueError("has a brace without its other half; write a placeholder like {code}") from error
    names = [name for _, name, _, _ in pieces if name is not None]
    for _, name, form, conversion in pieces:
        if name is not None and (name not in PLACEHOLDERS or form or conversion):
            written = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise ValueError(f"{{{written}}} is not a placeholder{suggestion(name, PLACEHOLDERS)}")
    if not names:
        raise ValueError("has no placeholder such as {code}, so every product would open the same page")
    if not _has_fixed_host(pattern):
        raise ValueError("must be a full address that starts with https://, with placeholders only after the host")
    return pattern


def _has_fixed_host(pattern: str) -> bool:
    """Whether the pattern is https and names its host itself: text from a vendor must not choose it."""
    try:
        parts = urlsplit(pattern)
        is_plain = not set("{}@%") & {*parts.netloc} and parts.port != 0
        return parts.scheme == "https" and bool(parts.hostname) and is_plain
    except ValueError:
        return False


LinkPattern = Annotated[str, AfterValidator(_pattern)]


def links_model(systems: Iterable[str]) -> type[BaseModel]:
    """The model of `[links]`: an optional pattern for each of these systems."""
    keys: dict[str, Any] = {system: (LinkPattern | None, None) for system in systems}
    return create_model("Links", __config__=ConfigDict(frozen=True, extra="forbid"), **keys)


def link(pattern: str, values: dict[str, Any]) -> str | None:
    """The address of a product, with the values escaped; None if one that the pattern needs is missing."""
    needed = {name for _, name, _, _ in string.Formatter().parse(pattern) if name}
    if not all(values.get(name) for name in needed):
        return None
    return pattern.format_map({name: quote(str(values[name]), safe="") for name in needed})
