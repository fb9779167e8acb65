"""Secrets are fetched from where the channel file says, and never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.config.secret import Secret
from pipelines.core.errors import ConfigError
from pipelines.core.logs import redact


def _refused(secret: Secret) -> str:
    with pytest.raises(ConfigError) as caught:
        secret.reveal()
    assert caught.value.fix
    assert "hunter2" not in str(caught.value)
    return caught.value.message


def test_a_secret_of_the_environment_is_masked_once_known(monkeypatch: Any) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2+/=&")
    assert Secret(env="SHOP_TOKEN").reveal() == "hunter2+/=&"
    assert redact("Bearer hunter2+/=&.") == "Bearer ***."


def test_a_secret_is_not_shown_by_its_repr(monkeypatch: Any) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2-hunter2")
    secret = Secret(env="SHOP_TOKEN")
    secret.reveal()
    assert "hunter2" not in repr(secret)


@pytest.mark.parametrize("value", [None, "", "   "], ids=["missing", "empty", "blank"])
def test_a_secret_that_is_not_set(value: str | None, monkeypatch: Any) -> None:
    """Says which one and where we looked."""
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("SHOP_TOKEN", value)
    message = _refused(Secret(env="SHOP_TOKEN"))
    assert "SHOP_TOKEN is not set" in message
    assert ".env" in message


@pytest.mark.parametrize(
    "value",
    ["hunter2\n", "hun\nhunter2", "hunter2\r", "\thunter2", " hunter2", "hunter2 ", "hunter2é", "hunter2\u200b"],
    ids=ascii,
)
def test_a_secret_that_no_header_can_carry(value: str, monkeypatch: Any) -> None:
    """Refused here, where it can be told, rather than by the HTTP library with the secret in its message."""
    monkeypatch.setenv("SHOP_TOKEN", value)
    assert "SHOP_TOKEN holds characters" in _refused(Secret(env="SHOP_TOKEN"))


@pytest.mark.parametrize("content", [b"hunter2\n", b"  hunter2\r\n", b"hunter2"], ids=ascii)
def test_a_secret_file(content: bytes, tmp_path: Path) -> None:
    """Blanks and line breaks around it are an editor's, not the secret's."""
    (tmp_path / "token").write_bytes(content)
    assert Secret(file=tmp_path / "token").reveal() == "hunter2"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "cannot be read"),
        (b"hunter2\nhunter2", "holds characters"),
    ],
    ids=["missing", "empty", "blank", "no text", "two lines"],
)
def test_a_bad_secret_file(content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    message = _refused(Secret(file=tmp_path / "token"))
    assert said in message
    assert str(tmp_path / "token") in message


def test_a_key_that_is_too_short_to_be_one_is_refused_and_a_name_is_not(monkeypatch: Any) -> None:
    """On both sides of the edge; whatever is shorter cannot be masked without eating words."""
    monkeypatch.setenv("SHOP_TOKEN", "h2z")
    message = _refused(Secret(env="SHOP_TOKEN"))
    assert "SHOP_TOKEN has only 3 characters" in message
    assert "h2z" not in message
    assert Secret(env="SHOP_TOKEN").reveal(name=True) == "h2z"
    assert redact("h2z") == "h2z"
    monkeypatch.setenv("SHOP_TOKEN", "h2z!")
    assert Secret(env="SHOP_TOKEN").reveal() == "h2z!"
    assert redact("h2z!") == "***"
