"""Logs on stderr, one event per line, with secrets masked."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Collection
from datetime import UTC, datetime

from pipelines.core import redaction
from pipelines.core.redaction import MASK

_secrets: set[str] = set()
_CHATTY = (
    "urllib3", "dlt", "stamina", "asyncio", "filelock", "pyrate_limiter", "great_expectations", "apscheduler",
)  # fmt: skip


def register_secret(value: str) -> None:
    """Masks `value` in all later log lines and in every text that passes `redact` or `excerpt`.

    Its encoded forms are masked too: in a web address, a form, JSON, HTML or base64.
    """
    if len(value) >= redaction.MIN_LENGTH:
        _secrets.add(value)


def redact(text: str) -> str:
    """`text` with every registered secret masked, in all encoded forms."""
    return redaction.mask(text, tuple(_secrets))


def excerpt(text: str, max_chars: int, *, truncated: bool = False) -> str:
    """The first `max_chars` characters of a foreign text, secrets masked. `truncated`: `text` is itself cut off."""
    return redaction.excerpt(text, max_chars, tuple(_secrets), truncated=truncated)


def contains_secret(document: bytes, ignored: Collection[str] = ()) -> bool:
    """Whether `document` contains a registered secret that is too long to occur by chance and is not in `ignored`."""
    return redaction.contains(document, [secret for secret in tuple(_secrets) if secret not in ignored])


def strip_control_characters(text: str) -> str:
    """`text` with characters replaced that would control a terminal or reverse its line; line breaks stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


class _RedactingFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        """Our own warnings are for people, so they do not name the module."""
        if record.name.startswith("pipelines.") and record.levelno >= logging.WARNING:
            return f"{record.asctime} {record.levelname} {record.message}"
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        # Indented after a line break, so that a vendor's text cannot look like another log line.
        return strip_control_characters(redact(super().format(record))).replace("\n", "\n    ")


class _JsonFormatter(_RedactingFormatter):
    """One JSON object per line: `time` (ISO 8601, UTC), `level`, `logger`, `message`; `error` for a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            event["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(event)


def set_up(level: str | None = None, form: str = "text") -> None:
    """Sends this program's logs to stderr, at `level`, else CENTRA_MYOGO_LOG, else WARNING; `form` is text or json.

    Raises ValueError.
    """
    handler = logging.StreamHandler(sys.stderr)
    formatter = _JsonFormatter if form == "json" else _RedactingFormatter
    handler.setFormatter(formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel((level or os.environ.get("CENTRA_MYOGO_LOG") or "WARNING").upper())
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.ERROR)


__all__ = ["MASK", "contains_secret", "excerpt", "redact", "register_secret", "set_up", "strip_control_characters"]
