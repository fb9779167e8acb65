"""Secrets are read from the place named in the channel file and are never printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.core.errors import ConfigError
from pipelines.core.logs import redact
from pipelines.core.secret import Secret


def _refusal_message(secret: Secret) -> str:
    with pytest.raises(ConfigError) as caught:
        secret.reveal()
    assert caught.value.fix
    assert "hunter2" not in str(caught.value)
    return caught.value.message


def test_a_secret_from_the_environment_is_masked_after_it_is_read(monkeypatch: Any) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2+/=&")
    assert Secret(env="SHOP_TOKEN").reveal() == "hunter2+/=&"
    assert redact("Bearer hunter2+/=&.") == "Bearer ***."


def test_repr_does_not_show_the_secret(monkeypatch: Any) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2-hunter2")
    secret = Secret(env="SHOP_TOKEN")
    secret.reveal()
    assert "hunter2" not in repr(secret)


@pytest.mark.parametrize("value", [None, "", "   "], ids=["missing", "empty", "blank"])
def test_a_secret_that_is_not_set_is_reported_with_the_searched_places(value: str | None, monkeypatch: Any) -> None:
    """The message names the variable and the .env file."""
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("SHOP_TOKEN", value)
    message = _refusal_message(Secret(env="SHOP_TOKEN"))
    assert "SHOP_TOKEN is not set" in message
    assert ".env" in message


@pytest.mark.parametrize(
    "value",
    ["hunter2\n", "hun\nhunter2", "hunter2\r", "\thunter2", " hunter2", "hunter2 ", "hunter2é", "hunter2\u200b"],
    ids=ascii,
)
def test_a_secret_that_no_header_can_carry_is_refused(value: str, monkeypatch: Any) -> None:
    """The HTTP library would raise an error that contains the secret."""
    monkeypatch.setenv("SHOP_TOKEN", value)
    assert "SHOP_TOKEN contains characters" in _refusal_message(Secret(env="SHOP_TOKEN"))


@pytest.mark.parametrize("content", [b"hunter2\n", b"  hunter2\r\n", b"hunter2"], ids=ascii)
def test_blanks_around_the_content_of_a_secret_file_are_ignored(content: bytes, tmp_path: Path) -> None:
    """Text editors add them."""
    (tmp_path / "token").write_bytes(content)
    assert Secret(file=tmp_path / "token").reveal() == "hunter2"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "cannot be read"),
        (b"hunter2\nhunter2", "contains characters"),
    ],
    ids=["missing", "empty", "blank", "no text", "two lines"],
)
def test_a_bad_secret_file_is_reported_with_its_path(content: bytes | None, expected: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    message = _refusal_message(Secret(file=tmp_path / "token"))
    assert expected in message
    assert str(tmp_path / "token") in message


def test_a_key_that_is_too_short_is_refused_and_a_short_name_is_accepted(monkeypatch: Any) -> None:
    """At 3 and at 4 characters: masking a shorter text would also mask parts of ordinary words."""
    monkeypatch.setenv("SHOP_TOKEN", "h2z")
    message = _refusal_message(Secret(env="SHOP_TOKEN"))
    assert "SHOP_TOKEN has only 3 characters" in message
    assert "h2z" not in message
    assert Secret(env="SHOP_TOKEN").reveal(identifier=True) == "h2z"
    assert redact("h2z") == "h2z"
    monkeypatch.setenv("SHOP_TOKEN", "h2z!")
    assert Secret(env="SHOP_TOKEN").reveal() == "h2z!"
    assert redact("h2z!") == "***"
