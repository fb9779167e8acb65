"""Secrets in logs and messages are masked in every encoding that a system may repeat."""

from __future__ import annotations

import io
import json
import logging
from datetime import datetime, timedelta

import pytest

from pipelines.core import logs
from pipelines.core.errors import CentraMyogoError
from pipelines.systems.http.session import Answer


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("key=pa ss/w+rd", id="as it is"),
        pytest.param("key=pa%20ss%2Fw%2Brd", id="in a web address"),
        pytest.param("key=pa+ss%2Fw%2Brd", id="in a form"),
        pytest.param("key=pa ss\\/w+rd", id="in PHP's JSON"),
    ],
)
def test_a_secret_is_masked_in_every_encoding(text: str) -> None:
    logs.register_secret("pa ss/w+rd")
    assert logs.redact(f"before {text} after") == "before key=*** after"


def test_the_longer_of_two_secrets_is_masked_first() -> None:
    logs.register_secret("token")
    logs.register_secret("token-and-more")
    assert logs.redact("token-and-more token") == "*** ***"


def test_an_error_never_carries_a_secret() -> None:
    logs.register_secret("hush-hush")
    error = CentraMyogoError("The answer was hush-hush.", "Replace hush-hush.")
    assert str(error) == "The answer was ***.\nReplace ***."
    assert error.args == ("The answer was ***.",)


@pytest.mark.parametrize("before", range(80, 201, 20))
def test_a_secret_is_masked_before_a_body_is_cut(before: int) -> None:
    """An excerpt ends after 200 characters; no part of a secret at that position remains."""
    logs.register_secret("S" * 120)
    body = b"x" * before + b" " * 150 + b"S" * 120
    assert "S" not in Answer(500, {}, body).excerpt()


def test_a_log_line_and_a_traceback_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.register_secret("hush-hush")
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    logs.set_up("debug")
    try:
        raise ValueError("it was hush-hush")
    except ValueError:
        logging.getLogger("test").exception("key=%s", "hush-hush")
    assert "hush" not in stream.getvalue()
    assert "key=***" in stream.getvalue()
    assert "ValueError: it was ***" in stream.getvalue()


def test_our_warnings_do_not_name_their_module(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    logs.set_up("debug")
    logging.getLogger("pipelines.here").warning("for people")
    logging.getLogger("pipelines.here").debug("a detail")
    logging.getLogger("library").warning("of another")
    ours, detail, other = stream.getvalue().splitlines()
    assert ours.endswith(" WARNING for people")
    assert detail.endswith(" DEBUG pipelines.here a detail")
    assert other.endswith(" WARNING library of another")


def test_json_lines_are_objects_and_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with a line break, a quotation mark and a traceback: one line for each event."""
    logs.register_secret("hush-hush")
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    logs.set_up("info", "json")
    logging.getLogger("test").info('two\nlines, "key=%s"', "hush-hush")
    try:
        raise ValueError("it was hush-hush")
    except ValueError:
        logging.getLogger("test").exception("failed")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["level"], first["logger"], first["message"]) == ("info", "test", 'two\nlines, "key=***"')
    assert datetime.fromisoformat(first["time"]).utcoffset() == timedelta()
    assert second["error"].endswith("ValueError: it was ***")
    assert "hush" not in stream.getvalue()
