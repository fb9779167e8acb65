"""Users and passwords that change while the pages run."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipelines.config.project import Project
from pipelines.config.serve import load_serve
from pipelines.web.access import current_user, operator_notice, protect
from pipelines.web.access.passwords import PasswordHash
from pipelines.web.access.users_file import UsersFile
from tests.support.asgi import Browser
from tests.web.pages import log_in

PASSWORDS = {"olga": "otter-lamp-forest-nine", "vera": "pebble-stone-river-two", "new": "copper-kettle-moon-six"}
HASHES = {name: PasswordHash.of(password, 16).text for name, password in PASSWORDS.items()}


@dataclass
class Served:
    """Pages of a project whose serve.toml has an operator olga (hash in .env) and a viewer vera (hash in a file)."""

    folder: Path
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.write("vera.hash", HASHES["vera"])
        self.write(".env", f"OLGA_HASH='{HASHES['olga']}'\n")
        self.users()
        project = Project(self.folder)
        project.load_environment()
        settings = load_serve(project)
        self.file = UsersFile(project, settings)
        self.app: Any = protect(Starlette(routes=[Route("/", self._page)]), settings, users=self.file)

    async def _page(self, request: Request) -> Response:
        user = current_user(request)
        return PlainTextResponse(f"{user.name} {user.role} {operator_notice(request)}".strip())

    def write(self, name: str, text: str) -> None:
        """As an editor does it: a new file in place of the old one."""
        fresh = self.folder / f"{name}.new"
        fresh.write_text(text, "utf-8")
        fresh.chmod(0o600)
        fresh.replace(self.folder / name)

    def users(self, head: str = "", **roles: str) -> None:
        secrets = {"olga": '{ env = "OLGA_HASH" }', "vera": '{ file = "vera.hash" }', "new": '{ env = "NEW_HASH" }'}
        tables = [
            f'[users.{name}]\nrole = "{role}"\npassword_hash = {secrets[name]}\n'
            for name, role in (roles or {"olga": "operator", "vera": "viewer"}).items()
        ]
        self.write("serve.toml", "\n".join([head, *tables]))

    def logged_in(self, name: str, password: str | None = None) -> Browser:
        browser = Browser(self.app)
        assert log_in(browser, name, password or PASSWORDS[name]).status == 303
        return browser


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    before = dict(os.environ)
    yield Served(tmp_path)
    os.environ.clear()
    os.environ.update(before)


def is_logged_out(browser: Browser) -> bool:
    return browser.get("/").status == 303


def test_a_removed_user_is_out_at_the_next_request_and_others_stay(served: Served) -> None:
    olga, vera = served.logged_in("olga"), served.logged_in("vera")
    served.users(olga="operator")
    assert is_logged_out(vera)
    assert olga.get("/").text == "olga operator"
    assert log_in(Browser(served.app), "vera", PASSWORDS["vera"]).status == 403
    served.users()
    assert is_logged_out(vera)  # the old session does not come back
    assert served.logged_in("vera").get("/").text == "vera viewer"


@pytest.mark.parametrize(
    ("name", "file", "text"), [("olga", ".env", "OLGA_HASH='{}'\n"), ("vera", "vera.hash", "{}\n")]
)
def test_a_new_password_ends_the_sessions_of_its_user(served: Served, name: str, file: str, text: str) -> None:
    olga, vera = served.logged_in("olga"), served.logged_in("vera")
    served.write(file, text.format(HASHES["new"]))
    assert (is_logged_out(olga), is_logged_out(vera)) == (name == "olga", name == "vera")
    assert log_in(Browser(served.app), name, PASSWORDS[name]).status == 403
    assert served.logged_in(name, PASSWORDS["new"]).get("/").status == 200


def test_a_variable_of_the_environment_of_serve_wins_over_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLGA_HASH", HASHES["new"])
    served = Served(tmp_path)
    olga = served.logged_in("olga", PASSWORDS["new"])
    served.write(".env", f"OLGA_HASH='{HASHES['vera']}'\n")
    assert olga.get("/").status == 200


def test_a_new_user_can_log_in_and_a_new_role_counts_at_once(served: Served) -> None:
    vera = served.logged_in("vera")
    served.write(".env", f"OLGA_HASH='{HASHES['olga']}'\nNEW_HASH='{HASHES['new']}'\n")
    served.users(olga="operator", vera="operator", new="viewer")
    assert vera.get("/").text == "vera operator"
    assert served.logged_in("new").get("/").text == "new viewer"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[users.olga\n", "is not valid TOML"),
        ('[users.olga]\nrole = "boss"\npassword_hash = { env = "OLGA_HASH" }\n', "users.olga.role"),
        ('[users.olga]\nrole = "operator"\npassword_hash = { env = "NOWHERE" }\n', "NOWHERE"),
        ("", "has no users any more"),
        (None, "has no users any more"),
    ],
)
def test_a_file_that_cannot_be_used_keeps_the_users_and_is_named(
    served: Served, caplog: pytest.LogCaptureFixture, text: str | None, message: str
) -> None:
    """Nobody becomes an operator because a file is gone. One warning, however many requests come."""
    olga, vera, stranger = served.logged_in("olga"), served.logged_in("vera"), Browser(served.app)
    if text is None:
        (served.folder / "serve.toml").unlink()
    else:
        served.write("serve.toml", text)
    caplog.set_level(logging.INFO)
    for _ in range(3):
        shown = olga.get("/").text
        assert message in shown
        assert "the users and passwords from before count" in shown
        assert vera.get("/").text == "vera viewer"
        assert is_logged_out(stranger)
    warnings = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert (len(warnings), message in warnings[0]) == (1, True)
    assert served.logged_in("olga").get("/").status == 200
    assert not any(text in caplog.text for text in HASHES.values())
    served.users()
    assert olga.get("/").text == "olga operator"


def test_a_setting_that_needs_a_restart_is_named_and_the_users_still_change(served: Served) -> None:
    olga, vera = served.logged_in("olga"), served.logged_in("vera")
    served.users("session_hours = 1.0", olga="operator")
    assert is_logged_out(vera)
    assert "restart it" in olga.get("/").text
    served.users()
    assert olga.get("/").text == "olga operator"


def test_first_users_of_pages_without_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLGA_HASH", HASHES["olga"])
    project = Project(tmp_path)
    served = Served.__new__(Served)
    served.folder = tmp_path
    settings = load_serve(project)
    app: Any = protect(Starlette(routes=[Route("/", served._page)]), settings, users=UsersFile(project, settings))
    served.app = app
    browser = Browser(app)
    assert browser.get("/").text == "local operator"
    served.users(olga="operator")
    assert is_logged_out(browser)
    assert served.logged_in("olga").get("/").text == "olga operator"


def test_a_password_that_was_changed_during_a_log_in_does_not_log_in(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(served.app)
    browser.get("/login")
    check = served.app._accounts.check

    def slow(name: str, password: str) -> Any:
        user = check(name, password)
        served.write(".env", f"OLGA_HASH='{HASHES['new']}'\n")
        served.app.refresh_users()
        return user

    monkeypatch.setattr(served.app._accounts, "check", slow)
    answer = log_in(browser, "olga", PASSWORDS["olga"])
    assert (answer.status, "have just been changed" in answer.text) == (403, True)
    assert is_logged_out(browser)


def test_nothing_is_read_while_no_file_changes(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    olga = served.logged_in("olga")
    monkeypatch.setattr(served.file, "_read", lambda: pytest.fail("read again"))
    for _ in range(5):
        assert olga.get("/").status == 200


def test_a_page_that_refreshes_itself_leads_to_the_log_in(served: Served) -> None:
    """htmx then loads the log-in as a page, and puts nothing into the old one."""
    headers = {"HX-Request": "true", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    answer = Browser(served.app).get("/channels/demo/jobs/3?x=1", headers)
    assert (answer.status, answer.headers["hx-redirect"]) == (401, "/login?next=%2Fchannels%2Fdemo%2Fjobs%2F3%3Fx%3D1")
