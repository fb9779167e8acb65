"""Logs on stderr, one event a line, and no secret in any of them."""

from __future__ import annotations

import json
import logging
import os
import sys
from urllib.parse import quote, quote_plus

MASK = "***"
_secrets: set[str] = set()


def register_secret(value: str) -> None:
    """From now on `value` is masked in every log line and every message that passes `redact`.

    So are the forms in which a system may repeat it: in a web address, in a form, in JSON.
    """
    if len(value) >= 4:  # shorter ones are no secret, and masking them would eat ordinary words
        in_json = json.dumps(value)[1:-1]
        _secrets.update((value, quote(value, safe=""), quote_plus(value), in_json, in_json.replace("/", "\\/")))


def redact(text: str) -> str:
    """`text` with every registered secret replaced; longest first, so that no tail of one is left."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(level: str | None = None) -> None:
    """Sends this program's logs to stderr. `level` or CENTRA_MYOGO_LOG; warnings where neither is given."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel((level or os.environ.get("CENTRA_MYOGO_LOG") or "WARNING").upper())
    for chatty in ("urllib3", "dlt", "stamina", "asyncio", "filelock", "pyrate_limiter"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
