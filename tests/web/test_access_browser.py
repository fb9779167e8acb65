"""The log-in over a socket and in a real browser, without JavaScript."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import uvicorn
from playwright.sync_api import Page, sync_playwright

from tests.support.waiting import LONG_S, wait_for
from tests.web.pages import OPERATOR_PASSWORD, Pages

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@contextlib.contextmanager
def served(pages: Pages) -> Iterator[str]:
    """The address of the pages on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = uvicorn.Server(
            uvicorn.Config(pages.app, log_config=None, lifespan="off", ws="none", server_header=False)
        )
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        try:
            wait_for(lambda: server.started)
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(LONG_S)


@contextlib.contextmanager
def other_site(link: str) -> Iterator[str]:
    """The address of a page of another site with a link to ours, as in a chat."""

    class Chat(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<a href="{link}">the run failed</a>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"  # for a browser, localhost is another site than 127.0.0.1
    finally:
        server.shutdown()
        thread.join(LONG_S)
        server.server_close()


@contextlib.contextmanager
def browser_page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser.new_context(java_script_enabled=False).new_page()
        finally:
            browser.close()


def test_over_a_socket_an_answer_names_no_server_and_a_foreign_name_gets_nothing(pages: Pages) -> None:
    with served(pages) as url:
        answer = requests.get(f"{url}/login", timeout=LONG_S)
        foreign = requests.get(f"{url}/login", headers={"Host": "evil.example"}, timeout=LONG_S)
        large = requests.post(f"{url}/login", b"x" * (2 << 20), timeout=LONG_S)
    assert (answer.status_code, foreign.status_code, large.status_code) == (200, 400, 413)
    assert "server" not in answer.headers
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@in_a_browser
def test_log_in_and_a_link_from_another_site_without_javascript(pages: Pages) -> None:
    """Somebody logs in, later follows a link in a chat, and is still logged in."""
    with served(pages) as url, other_site(f"{url}/channels/se-web/push") as chat, browser_page() as page:
        page.goto(f"{url}/")
        page.get_by_label("Name").fill("olga")
        page.get_by_label("Password").fill("wrong-wrong-wrong")
        page.get_by_role("button", name="Log in").click()
        assert page.get_by_role("alert").text_content() == "The name or the password is wrong."
        page.get_by_label("Name").fill("olga")
        page.get_by_label("Password").fill(OPERATOR_PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{url}/")
        page.goto(chat)
        page.get_by_role("link").click()
        page.wait_for_url(f"{url}/channels/se-web/push")
        page.locator("input[name=csrf]").wait_for(state="attached")
    assert [user for user, _, _ in pages.seen if user] == ["olga", "olga"]


@in_a_browser
def test_without_users_a_link_from_another_site_keeps_the_token_of_open_pages(open_pages: Pages) -> None:
    with served(open_pages) as url, other_site(f"{url}/channels/se-web/push") as chat, browser_page() as page:
        page.goto(f"{url}/")
        before = page.locator("input[name=csrf]").input_value()
        page.goto(chat)
        page.get_by_role("link").click()
        page.locator("input[name=csrf]").wait_for(state="attached")
        assert page.locator("input[name=csrf]").input_value() == before
