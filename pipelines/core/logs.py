"""Logs on stderr, one event a line, and no secret in any of them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection

from pipelines.core import redaction
from pipelines.core.redaction import MASK

_secrets: set[str] = set()


def register_secret(value: str) -> None:
    """From now on `value` is masked in every log line and every message that passes `redact` or `shown`.

    So are the forms in which a system may repeat it: in a web address, in a form, in JSON, HTML or base64.
    """
    if len(value) >= redaction.MIN_LENGTH:
        _secrets.add(value)


def redact(text: str) -> str:
    """`text` with every registered secret replaced, in whatever form."""
    return redaction.mask(text, tuple(_secrets))


def excerpt(text: str, most: int, *, truncated: bool = False) -> str:
    """The start of what somebody else said, secrets masked, none of them cut in two. `torn`: `text` is cut already."""
    return redaction.excerpt(text, most, tuple(_secrets), truncated=truncated)


def holds_secret(document: bytes, but: Collection[str] = ()) -> bool:
    """Whether `document` holds a registered secret that no text holds by chance, other than those in `but`."""
    return redaction.contains(document, [secret for secret in tuple(_secrets) if secret not in but])


def strip_control_characters(text: str) -> str:
    """`text` without characters that would steer a terminal or turn its line round; line breaks stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Indented after a line break, so that no text of a vendor can pose as a log line of its own.
        return strip_control_characters(redact(super().format(record))).replace("\n", "\n    ")


def set_up(level: str | None = None) -> None:
    """Sends this program's logs to stderr. `level` or CENTRA_MYOGO_LOG; warnings where neither is given."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel((level or os.environ.get("CENTRA_MYOGO_LOG") or "WARNING").upper())
    for chatty in ("urllib3", "dlt", "stamina", "asyncio", "filelock", "pyrate_limiter"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


__all__ = ["MASK", "excerpt", "holds_secret", "redact", "register_secret", "set_up", "strip_control_characters"]
