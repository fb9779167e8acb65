"""`serve` as a process: its address, a kill while a run goes on, two at once, and a wrong serve.toml."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from pipelines.state.lock import running_verb
from pipelines.state.store import Folder
from pipelines.web.server import STALE_EVERY_S
from tests.support.served import Visitor
from tests.support.shop import Shop, size
from tests.support.waiting import LONG_S, wait_for
from tests.web.test_pages import job_and_fingerprint, project_of

COMMAND = [sys.executable, "-P", "-m", "pipelines", "serve", "--port", "0"]


class Server:
    def __init__(self, project: Path, data: Path) -> None:
        self.log = project / f"serve-{os.urandom(4).hex()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "--project", str(project), "--data", str(data)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            )

    def visitor(self) -> Visitor:
        def address() -> str:
            assert self.process.poll() is None, self.log.read_text()
            found = re.search(r"http://\S+:\d+", self.log.read_text())
            return found[0] if found else ""

        return Visitor(wait_for(address), cast(Any, None))

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(LONG_S)


def push_is_under_way(visitor: Visitor, shop: Shop) -> str:
    """Sends everything; the path of the plan, once the first products are written."""
    visitor.get("/")
    job, fingerprint = job_and_fingerprint(visitor.ended(visitor.post("/channels/demo/refresh")))
    visitor.post(f"{job}/apply", {"fingerprint": fingerprint})
    wait_for(lambda: len(shop.box.myogo_products()) > 3)
    return job


def test_a_killed_server_leaves_the_run_and_shows_it_when_it_is_back(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(*(size(number) for number in range(1, 120)))
    shop.edit("requests_per_second = 1000.0", "requests_per_second = 20.0")
    project, folder = project_of(shop), Folder(shop.data, "demo")
    first = Server(project, shop.data)
    visitor = first.visitor()
    job = push_is_under_way(visitor, shop)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert running_verb(folder) == "push"
    second = Server(project, shop.data)
    visitor = second.visitor()
    while running_verb(folder) == "push":
        page = visitor.get("/")
        assert "running" in page or running_verb(folder) is None
    wait_for(lambda: running_verb(folder) is None)
    assert len(shop.box.myogo_products()) == 119
    wait_for(lambda: "119 equal" in visitor.get("/"))
    assert "started" in visitor.get(job, status=404)
    assert second.end() == 0


def test_a_stopped_server_stops_its_run_after_the_write_that_is_under_way(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(*(size(number) for number in range(1, 400)))
    shop.edit("requests_per_second = 1000.0", "requests_per_second = 20.0")
    server = Server(project_of(shop), shop.data)
    visitor = server.visitor()
    push_is_under_way(visitor, shop)
    assert server.end() == 0
    assert running_verb(Folder(shop.data, "demo")) is None
    [(outcome, applied)] = shop.sql("select outcome, applied from sync.runs where verb = 'push'")
    assert (outcome, applied) == ("interrupted", len(shop.box.myogo_products()))


def test_a_second_server_of_the_same_data_is_refused(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    project = project_of(shop)
    first = Server(project, shop.data)
    first.visitor()
    second = Server(project, shop.data)
    assert second.process.wait(LONG_S) == 2
    assert "run already" in second.log.read_text()
    assert first.end() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('host = "0.0.0.0"', "there are no users"),
        ("prot = 80", "did you mean port"),
        ("port = 70000", "port"),
    ],
)
def test_a_wrong_serve_toml_is_a_message(shop_of: Callable[..., Shop], text: str, message: str) -> None:
    shop = shop_of(size(1))
    project = project_of(shop)
    (project / "serve.toml").write_text(text, "utf-8")
    server = Server(project, shop.data)
    assert server.process.wait(LONG_S) == 2
    assert message in server.log.read_text()


def test_a_serve_toml_that_breaks_while_it_runs_is_logged_without_a_request(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    project = project_of(shop)
    server = Server(project, shop.data)
    visitor = server.visitor()
    (project / "serve.toml").write_text("[users.anna\n", "utf-8")
    wait_for(lambda: "is not valid TOML" in server.log.read_text())
    assert "is not valid TOML" in visitor.get("/")
    (project / "serve.toml").write_text("", "utf-8")
    assert "is not valid TOML" not in visitor.get("/")
    assert server.end() == 0


def test_a_stale_channel_sends_its_alert_while_nothing_pushes(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first look, without any run: the push that is missing is what the alert is about."""
    shop = shop_of(size(1))
    received: list[bytes] = []

    class Target(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    target = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    monkeypatch.setenv("ALERT_URL", f"json://127.0.0.1:{target.server_port}/")
    shop.text += '\n[alerts]\nurls = [{ env = "ALERT_URL" }]\nhours_since_success = 0.000001\n'
    shop.file.write_text(shop.text, "utf-8")
    assert shop.run("push").exit_code == 0
    server = Server(project_of(shop), shop.data)
    server.visitor()
    began = time.monotonic()
    assert b"stale" in wait_for(lambda: received and received[0])
    assert time.monotonic() - began < STALE_EVERY_S
    assert server.end() == 0
    target.shutdown()
    target.server_close()
