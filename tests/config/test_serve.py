"""serve.toml: every mistake is named with its key, and pages that others reach need users."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.config.project import Project
from pipelines.config.serve import Serve, ServeUser, load_serve
from pipelines.core.errors import ConfigError
from pipelines.core.logs import redact
from tests.support.pages import all_pages

USER = '[users.anna]\nrole = "viewer"\npassword_hash = { env = "ANNA" }\n'


def loaded(folder: Path, text: str) -> Serve:
    (folder / "serve.toml").write_text(text)
    return load_serve(Project(folder))


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    assert caught.value.fix
    return caught.value.message.replace(f"{folder}/serve.toml: ", "")


def test_without_a_file_the_pages_are_for_this_machine(tmp_path: Path) -> None:
    serve = load_serve(Project(tmp_path))
    assert (serve.host, serve.port, serve.hosts, serve.users) == ("127.0.0.1", 8630, (), {})
    assert (serve.secure_cookie, serve.session_hours, serve.parallel_runs, serve.warm_runs) == (False, 12, 2, True)


def test_a_complete_file(tmp_path: Path) -> None:
    text = """
        host = "0.0.0.0"
        port = 80
        hosts = ["Pages.example.com", "localhost:9000", "[::1]"]
        secure_cookie = true
        session_hours = 8
        parallel_runs = 1
        [users.anna]
        role = "operator"
        password_hash = { file = "secrets/anna" }
    """
    serve = loaded(tmp_path, text)
    assert serve.hosts == ("pages.example.com", "localhost:9000", "[::1]")
    assert serve.users["anna"].role == "operator"
    assert serve.users["anna"].password_hash.file == tmp_path / "secrets" / "anna", "relative to the project folder"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "unknown key prot; did you mean port?"),
        ("port = 70000", "port: must be at most 65535"),
        ("port = 1.5\nsession_hours = 0", "port: must be a whole number\nsession_hours: must be more than 0"),
        ("session_hours = inf", "session_hours: "),
        ("parallel_runs = 0", "parallel_runs: must be at least 1"),
        ('host = "http://x"', "host: must be an address or a name of this machine"),
        ('hosts = "pages.example.com"', "hosts: must be a list in square brackets"),
        ('hosts = ["https://pages.example.com"]', "hosts: 'https://pages.example.com' must be a name such as"),
        ('hosts = ["*"]', "hosts: '*' must be a name such as"),
        ('secure_cookie = "maybe"', "secure_cookie: must be true or false"),
        ("users = 1", "users: must be a table"),
        ("[users]\nanna = 1", "users.anna: must be a table"),
        ("[users.anna]", "missing key users.anna.role\nmissing key users.anna.password_hash"),
        (USER.replace("role", "roll"), "missing key users.anna.role\nunknown key users.anna.roll; did you mean role?"),
        (USER.replace("viewer", "admin"), "users.anna.role: must be 'viewer' or 'operator'"),
        (USER.replace("env", "envv"), "unknown key users.anna.password_hash.envv; did you mean env?"),
        (USER.replace("anna", "Anna"), "users.Anna: a user's name has small letters"),
        (USER.replace("anna", '"a.b"'), "users.a.b: a user's name has small letters"),
    ],
)
def test_a_mistake_is_named_with_its_key(text: str, message: str, tmp_path: Path) -> None:
    assert message in refusal(tmp_path, text)


def test_a_hash_in_the_file_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = USER.replace('{ env = "ANNA" }', '"scrypt$16$8$1$abc$def"')
    message = refusal(tmp_path, text)
    assert "users.anna.password_hash: a secret must not be written here" in message
    assert "scrypt" not in message


def test_a_hash_is_masked_as_soon_as_the_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNA", "scrypt$16$8$1$abcdef$ghijkl")
    loaded(tmp_path, USER)
    assert redact("x scrypt$16$8$1$abcdef$ghijkl") == "x ***"


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ('host = "0.0.0.0"', 'host = "0.0.0.0"'),
        ('host = "10.0.0.1"', 'host = "10.0.0.1"'),
        ('host = "::"', 'host = "::"'),
        ('hosts = ["pages.example.com"]', 'hosts = ["pages.example.com"]'),
    ],
)
def test_what_others_can_reach_needs_a_user(text: str, reached: str, tmp_path: Path) -> None:
    """A name behind a proxy is reached by others too."""
    message = refusal(tmp_path, text)
    assert f"with {reached} other machines can reach the pages, and there are no users" in message
    assert loaded(tmp_path, f"{text}\n{USER}").users


@pytest.mark.parametrize("text", ['host = "localhost"', 'host = "::1"', 'hosts = ["localhost:9000", "127.0.0.1:80"]'])
def test_on_this_machine_no_user_is_needed(text: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, text).is_local_only


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    assert "is not valid TOML" in refusal(tmp_path, "port = ")
    (tmp_path / "serve.toml").unlink()
    (tmp_path / "serve.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_serve(Project(tmp_path))


def test_the_pages_explain_every_key() -> None:
    keys = {*Serve.model_fields, *(f"users.NAME.{name}" for name in ServeUser.model_fields)} - {"users"}
    pages = all_pages()
    assert [key for key in sorted(keys) if not re.search(rf"`{re.escape(key)}`", pages)] == []
