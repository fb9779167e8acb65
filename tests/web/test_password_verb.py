"""`password`: what it prints can be copied into serve.toml and .env, and nothing shows the password."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.config.project import Project
from pipelines.config.serve import load_serve
from pipelines.web.access.passwords import Accounts

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse å battery"


def printed(output: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """The accounts of a project into which the lines were copied."""
    env, toml = output.removeprefix("# .env\n").split("\n\n# serve.toml\n")
    (folder / ".env").write_text(env + "\n")
    (folder / ".env").chmod(0o600)
    (folder / "serve.toml").write_text(toml)
    for name in dotenv_values(folder / ".env"):
        monkeypatch.setenv(name, "")  # so that it is removed after the test
        monkeypatch.delenv(name)
    Project(folder).load_environment()
    return Accounts(load_serve(Project(folder)).users)


@pytest.mark.parametrize("ending", ["", "\n", "\r\nsecond line"], ids=ascii)
def test_without_a_terminal_it_reads_one_line(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(app, ["password", "anna-b"], input=PASSWORD + ending)
    assert (result.exit_code, result.stderr) == (0, "")
    assert PASSWORD not in result.output
    accounts = printed(result.stdout, tmp_path, monkeypatch)
    user = accounts.check("anna-b", PASSWORD)
    assert user is not None
    assert (user.name, user.role) == ("anna-b", "viewer")
    assert accounts.check("anna-b", PASSWORD + " ") is None


def test_in_a_terminal_it_asks_twice_and_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And begins again if the two differ."""
    terminal, standard_input = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "password", "anna"], stdin=standard_input, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    shown = b""
    for typed in (PASSWORD, "something else", PASSWORD, PASSWORD):
        while not shown.endswith((b"Password: ", b"once more: ")):
            letter = process.stderr.read(1)
            assert letter, shown
            shown += letter
        os.write(terminal, f"{typed}\n".encode())
        shown += b"|"
    output, rest = process.communicate()
    os.set_blocking(terminal, False)
    echoed = b""
    with contextlib.suppress(BlockingIOError):
        echoed = os.read(terminal, 10_000)
    os.close(standard_input)
    os.close(terminal)
    assert process.returncode == 0
    texts = shown + rest + output + echoed
    assert PASSWORD.encode() not in texts
    assert b"something else" not in texts
    assert b"do not match" in shown
    assert printed(output.decode(), tmp_path, monkeypatch).check("anna", PASSWORD)


@pytest.mark.parametrize(
    ("name", "typed", "message"),
    [("anna", "elevenchars", "only 11 characters"), ("anna", "", "only 0 characters"), ("An na", PASSWORD, "'An na'")],
)
def test_what_cannot_be_used_is_refused(name: str, typed: str, message: str) -> None:
    result = CliRunner().invoke(app, ["password", name], input=typed)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not typed or typed not in result.stderr
