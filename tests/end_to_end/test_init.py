"""`init`: a channel file and secrets from answers on a terminal, or from options."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from pipelines.config.channel_writer import add_secrets, channel_text
from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from pipelines.sandbox import Sandbox
from tests.support.shop import Shop, euro, size
from tests.support.waiting import LONG_S

ROOT = Path(__file__).parents[2]
TWO_LISTS = [euro("10.00", "36"), euro("12.00", "41", pricelist="EUR outlet")]


class Terminal:
    """A command on a pseudo-terminal: what it prints, and what somebody types."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._master, slave = pty.openpty()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CENTRA_", "MYOGO_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipelines", *words], cwd=folder, stdin=slave, stdout=slave, stderr=slave,
            env=environment | {"PYTHONPATH": str(ROOT), "TERM": "xterm"}, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.text = ""

    def answer(self, prompt: str, answer: str) -> None:
        """Types the answer once the prompt has come."""
        begin = len(self.text)
        deadline = time.monotonic() + LONG_S
        while not re.search(prompt, self.text[begin:]):
            assert self._read(deadline), f"{prompt!r} did not come:\n{self.text}"
        os.write(self._master, answer.encode() + b"\n")

    def ended(self) -> int:
        deadline = time.monotonic() + LONG_S
        while self._read(deadline):
            pass
        return self.process.wait(LONG_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
        try:
            chunk = os.read(self._master, 65536) if ready else b""
        except OSError:  # the other end was closed
            chunk = b""
        self.text += chunk.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(chunk)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str) -> Terminal:
        opened.append(Terminal(tmp_path, *words))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def addresses(box: Sandbox) -> list[str]:
    return ["--myogo-url", box.myogo_url, "--token-url", f"{box.myogo_url}/OAuth/Token"]


def test_answers_are_checked_when_they_are_given(shop_of: Callable[..., Shop], terminal: Callable[..., Terminal],
                                                 tmp_path: Path) -> None:  # fmt: skip
    """A wrong key is asked again; the price list is chosen; what was written can be planned at once."""
    box = shop_of(size(1, prices=TWO_LISTS), size(2, prices=TWO_LISTS)).box
    known = box.credentials
    screen = terminal("init", "my-shop", *addresses(box))
    for answer in (box.centra_url, "not-the-key-of-this-shop", "Europe/Helsinki"):
        screen.answer(r": $|\]: $", answer)
    screen.answer("Use these values anyway", "n")
    for prompt, answer in (
        ("Base URL", box.centra_url), ("Secret API key", known.centra_token), ("Time zone", "Europe/Helsinki"),
        ("Client ID", known.client_id), ("Client secret", known.client_secret), ("Merchant ID", known.merchant_id),
        ("Secret token", known.secret_token), ("Which one", "41"),
    ):  # fmt: skip
        screen.answer(f"{prompt}.*: $", answer)
    assert screen.ended() == 0, screen.text
    assert "Next:  centra-myogo plan my-shop" in screen.text
    hidden = (known.centra_token, known.client_secret, known.secret_token, "not-the-key-of-this-shop")
    assert [secret for secret in hidden if secret in screen.text] == []
    file, secrets = tmp_path / "channels" / "my-shop.toml", tmp_path / ".env"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert not any(secret in file.read_text() for secret in hidden)
    assert len(file.read_text().splitlines()) <= 20
    plan = subprocess.run(
        [sys.executable, "-m", "pipelines", "plan", "my-shop"], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert plan.returncode == 0, plan.stderr
    assert "12.00 EUR" in plan.stdout


def test_without_a_client_it_drafts_the_letter(
    shop_of: Callable[..., Shop], terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    box = shop_of(size(1)).box
    screen = terminal("init", "my-shop", "--centra-url", box.centra_url, "--centra-token", box.credentials.centra_token)
    screen.answer(r"Time zone.*: $", "")
    screen.answer(r"Client ID.*: $", "")
    assert screen.ended() == 0, screen.text
    assert "Subject: API client for my-shop" in screen.text
    assert "read:product write:product" in screen.text
    assert "centra-myogo check my-shop" in screen.text
    assert "MY_SHOP_MYOGO_CLIENT_ID=\n" in (tmp_path / ".env").read_text()


def options_of(box: Sandbox) -> list[str]:
    known = box.credentials
    return [
        "init", "my-shop", "--centra-url", box.centra_url, "--centra-token", known.centra_token,
        "--client-id", known.client_id, "--client-secret", known.client_secret, "--merchant-id", known.merchant_id,
        "--secret-token", known.secret_token, *addresses(box),
    ]  # fmt: skip


def test_a_value_that_cannot_be_one_is_asked_again(
    shop_of: Callable[..., Shop], terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    """It cannot be kept either. The addresses that were given stay, although myOGO's credentials are missing."""
    box = shop_of(size(1)).box
    screen = terminal("init", "my-shop", *addresses(box))
    screen.answer(r"Base URL.*: $", "not a url")
    screen.answer(r"must not contain a blank[^:]*\n(.*\n)*.*Base URL.*: $", "shop.test")
    screen.answer(r"must be a full web address(.*\n)*.*Base URL.*: $", box.centra_url)
    screen.answer(r"Secret API key.*: $", "abc")
    screen.answer(r"has only 3 characters(.*\n)*.*Secret API key.*: $", box.credentials.centra_token)
    screen.answer(r"Time zone.*: $", "Sweden/Stockholm")
    screen.answer(r"is not a time zone(.*\n)*.*Time zone.*: $", "")
    screen.answer(r"Client ID.*: $", "")
    assert screen.ended() == 0, screen.text
    assert "Use these values anyway" not in screen.text
    assert f'base_url      = "{box.myogo_url}"' in (tmp_path / "channels" / "my-shop.toml").read_text()


def test_a_secret_that_cannot_be_stored_leaves_no_channel_file(shop_of: Callable[..., Shop], tmp_path: Path) -> None:
    """The .env is a folder: the next init can still write the file."""
    shop = shop_of(size(1))
    (tmp_path / ".env").mkdir()
    result = shop.command(*options_of(shop.box))
    assert (result.exit_code, ".env cannot be written" in result.output.replace("\n", "")) == (2, True)
    assert not (tmp_path / "channels").exists()


def test_every_answer_can_be_an_option(shop_of: Callable[..., Shop], tmp_path: Path) -> None:
    shop = shop_of(size(1))
    result = shop.command(*options_of(shop.box), "--timezone", "Asia/Tokyo", "--pricelist-id", "36")
    assert result.exit_code == 0, result.output
    channel = load("my-shop")
    centra: Any = channel.systems["centra"]
    assert centra.timezone == "Asia/Tokyo"
    assert channel.flow_params("products").pricelist_id == "36"
    assert shop.command(*options_of(shop.box)).exit_code == 2, "the file exists"
    assert channel.path == tmp_path / "channels" / "my-shop.toml"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--centra-token", "wrong-key-wrong-key", "Centra cannot be used with these values"),
        ("--centra-url", "shop.test", "must be a full web address"),
        ("--timezone", "Sweden/Stockholm", "is not a time zone"),
        ("--client-secret", "wrong-secret-wrong", "myOGO cannot be used with these values"),
        ("--merchant-id", "", "myOGO"),
        ("--centra-token", None, "--centra-token (or CENTRA_TOKEN) is missing"),
        ("--centra-url", None, "--centra-url is missing"),
    ],
)
def test_a_wrong_option_writes_nothing(
    shop_of: Callable[..., Shop], option: str, value: str | None, message: str, tmp_path: Path
) -> None:
    """Or a missing one: there is no terminal to ask on."""
    shop = shop_of(size(1))
    words = options_of(shop.box)
    if value is None:
        del words[words.index(option) : words.index(option) + 2]
    elif option in words:
        words[words.index(option) + 1] = value
    else:
        words += [option, value]
    result = shop.command(*words)
    assert (result.exit_code, message in result.output) == (2, True), result.output
    assert not (tmp_path / "channels").exists()
    assert not (tmp_path / ".env").exists()


def test_several_price_lists_without_a_terminal_need_a_choice(shop_of: Callable[..., Shop], tmp_path: Path) -> None:
    shop = shop_of(size(1, prices=TWO_LISTS))
    result = shop.command(*options_of(shop.box))
    assert result.exit_code == 2
    assert "36 (EUR), 41 (EUR outlet)" in result.output
    assert "--pricelist-id" in result.output
    assert not (tmp_path / "channels").exists()
    assert shop.command(*options_of(shop.box), "--pricelist-id", "41").exit_code == 0


def test_earlier_answers_are_proposed_again(
    shop_of: Callable[..., Shop], terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    """But no secret. The addresses of the options stay."""
    box = shop_of(size(1)).box
    screen = terminal("init", "my-shop", *addresses(box))
    screen.answer(r"Base URL.*: $", box.centra_url)
    screen.answer(r"Secret API key.*: $", "not-the-key-of-this-shop")
    screen.answer(r"Time zone.*: $", "Europe/Helsinki")
    screen.answer("Use these values anyway", "n")
    screen.answer(rf"Base URL.*\[{box.centra_url}\]: $", "")
    screen.answer(r"Secret API key[^[]*: $", box.credentials.centra_token)
    screen.answer(r"Time zone.*\[Europe/Helsinki\]: $", "")
    screen.answer(r"Client ID.*: $", "")
    assert screen.ended() == 0, screen.text
    assert 'timezone = "Europe/Helsinki"' in (tmp_path / "channels" / "my-shop.toml").read_text()


def test_a_folder_that_cannot_be_written_is_found_before_the_first_question(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    (tmp_path / "channels").write_text("")
    screen = terminal("init", "my-shop")
    assert screen.ended() == 2
    assert "channels is not a folder" in screen.text.replace("\n", "")
    assert "Base URL" not in screen.text


@pytest.mark.parametrize("name", ["example", "Shop", "a/b", "-x", "", "ä"])
def test_a_name_that_no_channel_can_have(shop_of: Callable[..., Shop], name: str) -> None:
    shop = shop_of(size(1))
    assert shop.command("init", "--centra-url", "http://127.0.0.1:1", "--", name).exit_code == 2


def test_secrets_are_added_to_those_of_other_channels(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# ours\nOTHER=1\nA='old'\n")
    file.chmod(0o644)
    add_secrets(file, {"A": "new # $x", "B": ""})
    assert file.read_text() == "# ours\nOTHER=1\nA='new # $x'\nB=\n"
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="quotation mark"):
        add_secrets(file, {"A": "it's"})


@pytest.mark.parametrize("value", ["a\\b", "a\\\\b", "ends with \\", "$x #", '"x"', "`x`", "\\\\"])
def test_a_stored_secret_is_read_as_it_was_entered(tmp_path: Path, value: str) -> None:
    add_secrets(tmp_path / ".env", {"A": value, "B": "next"})
    assert dotenv_values(tmp_path / ".env") == {"A": value, "B": "next"}


def test_a_secret_that_env_would_change_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="invisible character or"):
        add_secrets(tmp_path / ".env", {"A": "x${HOME}"})


def test_texts_of_a_channel_file_are_quoted() -> None:
    text = channel_text("x", {"s": {"base_url": 'a"b\\c', "token": '{ env = "X" }'}}, {"currency": "EUR"})
    assert 'base_url = "a\\"b\\\\c"' in text
    assert 'token    = { env = "X" }' in text
