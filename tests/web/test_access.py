"""What reaches the pages: names of the host, sessions, roles, and forms that only our own pages can send."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from starlette.datastructures import URLPath

from pipelines.config.serve import Serve
from pipelines.core.errors import ConfigError
from pipelines.web.access import body, protect
from pipelines.web.access.middleware import HEADERS
from pipelines.web.access.origin import local_path
from tests.support.asgi import PORT, Answer, Browser
from tests.web.pages import Pages, log_in

PUSH = "/channels/se-web/push"


def test_without_a_session_a_person_is_sent_to_the_log_in_and_a_script_gets_an_error(pages: Pages) -> None:
    browser = pages.browser()
    answer = browser.get("/channels/se-web/push?run=1&x=%2F")
    assert (answer.status, answer.location) == (303, "/login?next=%2Fchannels%2Fse-web%2Fpush%3Frun%3D1%26x%3D%252F")
    assert browser.get(PUSH, {"Sec-Fetch-Mode": "cors"}).status == 401
    assert browser.post(PUSH, {"csrf": browser.get("/login").csrf}).status == 401
    assert pages.seen == []


def test_the_pages_know_user_role_token_and_form(pages: Pages) -> None:
    browser = pages.logged_in()
    answer = browser.post(PUSH, {"csrf": browser.get("/").csrf, "code": ["A", "B&=å"], "note": ""})
    assert answer.status == 200
    assert [(name, role) for name, role, _ in pages.seen] == [("olga", "operator")] * 2
    fields = pages.seen[-1][2]
    assert fields == {"csrf": fields["csrf"], "code": ["A", "B&=å"], "note": [""]}


def test_without_users_everyone_is_the_local_operator_and_forms_need_the_token(open_pages: Pages) -> None:
    browser, other = open_pages.browser(), open_pages.browser()
    csrf = browser.get("/").csrf
    assert browser.get("/").csrf == csrf
    assert browser.post(PUSH, {"csrf": csrf}).status == 200
    assert open_pages.seen[-1][:2] == ("local", "operator")
    assert browser.post(PUSH).status == 403
    assert other.post(PUSH, {"csrf": csrf}).status == 403, "no cookie"
    other.get("/")
    assert other.post(PUSH, {"csrf": csrf}).status == 403, "the token of another browser"
    assert (browser.get("/login").location, browser.post("/logout", {"csrf": csrf}).location) == ("/", "/")


# --- names of the host


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"127.0.0.1:{PORT}", 200), (f"localhost:{PORT}", 200), (f"LOCALHOST:{PORT}", 200), (f"[::1]:{PORT}", 200),
        ("pages.example.com", 200), ("pages.example.com:443", 200), ("Pages.Example.com:80", 200),
        ("other.example:9000", 200),
        ("other.example", 400), ("pages.example.com:8080", 400), ("pages.example.com.evil.example", 400),
        ("pages.example.com.", 400), ("127.0.0.1", 400), ("127.0.0.1:8631", 400), (f"evil.example:{PORT}", 400),
        (f"0.0.0.0:{PORT}", 400), (f"user@localhost:{PORT}", 400), ("", 400), ("a b", 400),
        (f"localhost:{PORT}/x", 400),
    ],
)  # fmt: skip
def test_only_the_names_of_the_host_are_answered(host: str, status: int, pages_with: Callable[..., Pages]) -> None:
    """Also on the paths that need no session: a page of a foreign name must not read them."""
    settings = {"hosts": ["pages.example.com", "other.example:9000"], "secure_cookie": True}
    browser = pages_with(settings=settings).browser(host=host)
    assert {browser.get(path).status for path in ("/health", "/login", "/static/pages.css")} == {status}


def test_two_host_headers_are_refused(pages: Pages) -> None:
    browser = pages.browser()
    scope = browser._scope("GET", "/health", {})
    scope["headers"].append((b"host", b"evil.example"))
    got: list[Any] = []

    async def send(message: Any) -> None:
        got.append(message)

    asyncio.run(pages.app(scope, None, send))
    assert got[0]["status"] == 400


def test_a_free_port_is_known_from_the_socket(pages_with: Callable[..., Pages]) -> None:
    assert pages_with(settings={"port": 0}).browser().get("/health").status == 200


def test_a_wildcard_address_is_no_name(pages_with: Callable[..., Pages]) -> None:
    pages = pages_with(settings={"host": "0.0.0.0", "secure_cookie": True})
    assert pages.browser(host=f"0.0.0.0:{PORT}").get("/health").status == 400
    pages = pages_with(settings={"host": "10.1.2.3", "secure_cookie": True})
    assert pages.browser(host=f"10.1.2.3:{PORT}").get("/health").status == 200


# --- forms of other sites


def test_a_form_needs_the_token_of_its_own_session(pages: Pages) -> None:
    browser, other = pages.logged_in(), pages.logged_in()
    csrf, foreign = browser.get("/").csrf, other.get("/").csrf
    before = len(pages.seen)
    for fields in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": csrf + "x"}, {"csrf": "å"}, {"csrf": csrf[:-1]}):
        assert browser.post(PUSH, fields).status == 403
    assert len(pages.seen) == before
    assert browser.post(PUSH, {"csrf": csrf}).status == 200
    assert browser.post(PUSH, b"{}", {"X-CSRF-Token": csrf, "Content-Type": "application/json"}).status == 200
    assert browser.post(PUSH, b"{}", {"X-CSRF-Token": foreign, "Content-Type": "application/json"}).status == 403


def test_the_token_counts_in_a_form_only(pages: Pages) -> None:
    """A cross-site request can have a plain text body without asking first."""
    browser = pages.logged_in()
    csrf = browser.get("/").csrf
    assert browser.post(PUSH, f"csrf={csrf}".encode(), {"Content-Type": "text/plain"}).status == 403
    assert browser.post(f"{PUSH}?csrf={csrf}").status == 403


OWN = f"http://127.0.0.1:{PORT}"
FOREIGN = [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9999"},
    {"Origin": f"http://localhost:{PORT}"}, {"Origin": f"http://127.0.0.1:{PORT}.evil.example"},
    {"Origin": f"ftp://127.0.0.1:{PORT}"}, {"Origin": "http://[", "Referer": ""},
    {"Origin": "", "Referer": "https://evil.example/127.0.0.1"}, {"Referer": f"{OWN}@evil.example/"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_form_of_another_site_is_refused(headers: dict[str, str], pages: Pages, open_pages: Pages) -> None:
    """Even if it has the token; in both modes, and at the log-in too."""
    for browser in (pages.logged_in(), open_pages.browser()):
        assert browser.post(PUSH, {"csrf": browser.get("/").csrf}, headers).status == 403
    stranger = pages.browser()
    assert stranger.post("/login", {"csrf": stranger.get("/login").csrf, "name": "olga"}, headers).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "", "Sec-Fetch-Site": ""},
        {"Origin": "", "Referer": f"{OWN}/channels"},
        {"Referer": f"{OWN}/channels?x=https://evil.example"},
    ],
    ids=str,
)
def test_a_header_that_is_not_sent_is_not_needed(headers: dict[str, str], pages: Pages) -> None:
    browser = pages.logged_in()
    assert browser.post(PUSH, {"csrf": browser.get("/").csrf}, headers).status == 200


def test_behind_a_proxy_only_the_browser_sees_https(pages_with: Callable[..., Pages]) -> None:
    pages = pages_with(settings={"hosts": ["pages.example.com"], "secure_cookie": True})
    browser = pages.logged_in(host="pages.example.com", scheme="https")
    csrf = browser.get("/").csrf
    assert browser.post(PUSH, {"csrf": csrf}).status == 200
    assert browser.post(PUSH, {"csrf": csrf}, {"Origin": "https://pages.example.com:443"}).status == 200
    assert browser.post(PUSH, {"csrf": csrf}, {"Origin": "https://pages.example.com:8443"}).status == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get"])
def test_other_methods_are_refused(method: str, pages: Pages) -> None:
    answer = pages.logged_in().get("/", method=method)
    assert (answer.status, answer.headers["allow"], pages.seen) == (405, "GET, HEAD, POST", [])


def test_a_link_on_another_site_leads_to_the_page_without_a_new_log_in(pages: Pages, open_pages: Pages) -> None:
    """Browsers do not send a strict cookie with the first request then. A new cookie would end the session."""
    arriving = {"Sec-Fetch-Site": "cross-site"}
    for one in (pages, open_pages):
        answer = one.browser().get(f"{PUSH}?a=1&b=2", arriving)
        address = "/login?next=%2Fchannels%2Fse-web%2Fpush%3Fa%3D1%26b%3D2"
        assert (answer.status, answer.cookies) == (200, [])
        assert f'content="0; url={address}"' in answer.text
        assert one.seen == []
    answer = pages.browser().get("/login?next=%2Fa&x=1", arriving)
    assert ('content="0; url=/login?next=%2Fa"' in answer.text, answer.cookies) == (True, [])
    assert pages.logged_in().get("/login?next=%2Fchannels%2Fse-web%2Fpush").location == PUSH
    assert pages.logged_in().get(PUSH, arriving).status == 200, "a browser that sends the cookie"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_use_a_page_as_a_part_of_itself(site: str, open_pages: Pages) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    answer = open_pages.browser().get("/", headers)
    assert (answer.status, answer.cookies, open_pages.seen) == (403, [], [])
    assert open_pages.browser().get("/", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}).status == 200


# --- roles


def test_a_viewer_reads_and_logs_out_and_sends_nothing_else(pages: Pages) -> None:
    browser = pages.logged_in("vera")
    csrf = browser.get("/").csrf
    before = len(pages.seen)
    answer = browser.post(PUSH, {"csrf": csrf})
    assert (answer.status, len(pages.seen)) == (403, before)
    assert "Only an operator may do this" in answer.text
    assert (browser.get("/settings").status, pages.logged_in("olga").get("/settings").text) == (403, "olga")
    assert browser.post("/logout", {"csrf": csrf}).status == 303


def test_metrics_need_a_session_or_a_scraper_on_this_machine(pages: Pages) -> None:
    """A proxy on this machine is no scraper: it passes on what somebody else asks for."""
    assert pages.browser().get("/metrics").status == 200
    assert pages.seen[-1][:2] == ("metrics", "viewer")
    assert pages.browser(client="::ffff:127.0.0.1").get("/metrics").status == 200
    for client in ("10.0.0.9", "127.0.0.1"):
        assert pages.logged_in("vera", client=client).get("/metrics").status == 200
        assert pages.seen[-1][:2] == ("vera", "viewer")
    for stranger in (pages.browser(client="10.0.0.9"), pages.browser(client="")):
        assert stranger.get("/metrics").status == 303
    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert pages.browser().get("/metrics", {header: "10.0.0.9"}).status == 303
    assert pages.browser().post("/metrics").status == 403


def test_metrics_are_not_read_under_a_public_name(pages_with: Callable[..., Pages]) -> None:
    pages = pages_with(settings={"hosts": ["pages.example.com"], "secure_cookie": True})
    assert pages.browser(host="pages.example.com").get("/metrics").status == 303


def test_webhooks_health_and_static_files_need_no_session(pages: Pages) -> None:
    """A webhook has no cookie, no token and no origin; the pages see nobody's user there."""
    browser = pages.browser(client="10.0.0.9")
    assert browser.post("/hooks/se-web/one", b"{}", {"Origin": "", "Sec-Fetch-Site": ""}).status == 200
    assert (browser.get("/health").status, browser.get("/static/pages.css").status) == (200, 200)
    assert {(name, role) for name, role, _ in pages.seen} == {("", "viewer")}
    for path in ("/hooks", "/health/", "/healthy", "/static", "//health", "/Health"):
        assert browser.get(path).status == 303, path


# --- headers, errors, bodies


def check_headers(answer: Answer) -> None:
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= answer.headers.items()
    assert "server" not in answer.headers


def test_every_answer_has_the_headers_also_an_error(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    browser = pages.logged_in()
    with pytest.raises(RuntimeError, match="broken"):  # as a server sees it, which logs it
        browser.get("/broken")
    answers = {
        200: browser.get("/"),
        303: pages.browser().get("/"),
        400: pages.browser(host="evil.example").get("/"),
        401: pages.browser().post("/"),
        403: browser.post("/"),
        404: browser.get("/nowhere"),
        405: browser.get("/", method="PUT"),
    }
    for status, answer in answers.items():
        assert answer.status == status
        check_headers(answer)
        assert answer.headers["cache-control"] == "no-store"
    assert browser.get("/static/pages.css").headers["cache-control"] == "max-age=60"
    check_headers(browser.get("/static/pages.css"))


def test_a_bug_in_a_page_is_a_page_with_the_headers_and_no_detail(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Starlette answers before it raises the error again; without it, we answer."""
    got: list[Any] = []

    async def send(message: Any) -> None:
        got.append(message)

    browser = pages.logged_in()
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    with pytest.raises(RuntimeError):
        asyncio.run(pages.app(browser._scope("GET", "/broken", headers), None, send))
    assert got[0]["status"] == 500
    check_headers(browser._answer(got))

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("broken")

    answer = Browser(protect(bare, Serve())).get("/")
    assert (answer.status, "Internal error" in answer.text, "broken" in answer.text) == (500, True, False)
    check_headers(answer)
    assert "RuntimeError: broken" in caplog.text


def test_a_body_of_one_mebibyte_is_the_most(pages: Pages) -> None:
    browser = pages.logged_in()
    header = {"X-CSRF-Token": browser.get("/").csrf, "Content-Type": "application/json"}
    assert browser.post("/body", b"x" * body.MAX_BODY, header).text == str(body.MAX_BODY)
    answer = browser.post("/body", b"x" * (body.MAX_BODY + 1), header)
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    check_headers(answer)
    fields = {f"f{number}": "" for number in range(body.MAX_FIELDS + 1)}
    assert browser.post("/body", fields, {"X-CSRF-Token": header["X-CSRF-Token"]}).status == 400


@pytest.mark.parametrize(("message", "status"), [(None, 408), ({"type": "http.disconnect"}, 400)], ids=str)
def test_a_body_that_does_not_arrive_is_given_up(
    message: Any, status: int, open_pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "MAX_BODY_S", 0.02)
    browser, got = open_pages.browser(), []
    browser.get("/")
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}

    async def receive() -> Any:
        if message is None:
            await asyncio.sleep(60)
        return message

    async def send(one: Any) -> None:
        got.append(one)

    asyncio.run(open_pages.app(browser._scope("POST", PUSH, headers), receive, send))
    assert got[0]["status"] == status


def test_a_websocket_is_refused(pages: Pages) -> None:
    got: list[Any] = []

    async def send(message: Any) -> None:
        got.append(message)

    asyncio.run(pages.app({"type": "websocket", "path": "/"}, None, send))
    assert got == [{"type": "websocket.close", "code": 1008}]


# --- paths


@pytest.mark.parametrize("name", ["se-web", "a", "0_b", "a" * 63])
def test_the_name_of_a_channel_in_a_path(name: str, open_pages: Pages) -> None:
    assert open_pages.browser().get(f"/channels/{name}/push").status == 200
    assert open_pages.starlette.url_path_for("push", channel=name) == URLPath(f"/channels/{name}/push")


@pytest.mark.parametrize("name", ["", ".", "..", "A", "-a", "a.toml", "a b", "a" * 64, "%2e%2e", "å"])
def test_what_is_no_name_of_a_channel_is_not_found(name: str, open_pages: Pages) -> None:
    assert open_pages.browser().get(f"/channels/{name}/push").status == 404
    with pytest.raises(ValueError, match="is not the name of a channel"):
        open_pages.starlette.url_path_for("push", channel=name)


@pytest.mark.parametrize("path", ["/", "/a", PUSH, "/a?b=//c", "/?next=/x", "/a//b", "/%2F%2Fevil"])
def test_a_path_on_this_host(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "a", "//evil.example", "///evil", "/\\evil.example", "\\\\evil", "https://evil.example", "javascript:alert(1)",
     "/\t/evil.example", "\t//evil", " //evil", "/a\nb", "/a b", "/å", "/a\\b", "/" + "a" * 2000],
)  # fmt: skip
def test_what_could_lead_to_another_host_is_the_first_page(path: str, pages: Pages) -> None:
    assert local_path(path) == "/"
    assert log_in(pages.browser(), next=path).location == "/"


# --- who may be reached without users


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"host": "::"}, {"hosts": ["pages.example.com"]}], ids=str)
def test_pages_that_others_can_reach_need_users(settings: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError) as caught:
        protect(None, Serve.model_validate(settings))
    assert "other machines can reach the pages, and there are no users" in caught.value.message
    assert "centra-myogo password NAME" in caught.value.fix


def test_pages_without_encryption_are_a_warning(
    pages_with: Callable[..., Pages], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        pages_with()
        pages_with(settings={"host": "0.0.0.0", "secure_cookie": True})
        assert caplog.text == ""
        pages_with(settings={"host": "0.0.0.0"})
    assert "set secure_cookie = true" in caplog.text
