"""References to code in a channel file."""

from __future__ import annotations

import importlib
import re
from typing import Any

from pipelines.core.errors import ConfigError

_REFERENCE = re.compile(r"^[a-z_][\w.]*:[A-Za-z_]\w*$")


def import_string(reference: str) -> Any:
    """The object that `package.module:name` names. Raises ConfigError."""
    if not _REFERENCE.match(reference):
        raise ConfigError(f"{reference!r} is not a reference.", "Write it like package.module:name.")
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"The reference {reference!r} cannot be imported: {error}.", "Write it like package.module:name."
        ) from error
