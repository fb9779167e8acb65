"""The pages of a project on a free port, in a thread, and a browser without JavaScript that uses them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import requests

from pipelines.config.project import Project
from pipelines.config.serve import Serve
from pipelines.web.access import protect
from pipelines.web.acts import Act
from pipelines.web.app import application
from pipelines.web.channel_overview import last_start
from pipelines.web.project_channels import ProjectChannels
from pipelines.webhooks.server import quiet_server
from pipelines.webhooks.warm_process import ForkServer
from tests.support.waiting import LONG_S, wait_for


@dataclass
class Visitor:
    """Follows redirects, keeps cookies, and sends the form's token."""

    address: str
    channels: ProjectChannels
    session: requests.Session = field(default_factory=requests.Session)
    csrf: str = ""

    def get(self, path: str, status: int = 200) -> str:
        return self._text(self.session.get(f"{self.address}{path}", timeout=LONG_S), status)

    def post(self, path: str, fields: dict[str, Any] | None = None, status: int = 200) -> str:
        sent = {"csrf": self.csrf} | (fields or {})
        return self._text(self.session.post(f"{self.address}{path}", data=sent, timeout=LONG_S), status)

    def ended(self, page: str) -> str:
        """The page of the job that `page` shows, once it has ended."""
        path = re.search(r'hx-get="([^"]+)"', page)
        if path is None:
            return page
        return wait_for(lambda: (found := self.get(path[1])) and ("hx-get" not in found) and found)

    def _text(self, answer: requests.Response, status: int) -> str:
        assert answer.status_code == status, answer.text
        if found := re.search(r'name="csrf" value="([^"]+)"', answer.text):
            self.csrf = found[1]
        return answer.text


def text_of(page: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.partition("<main")[2])).split())


@contextlib.contextmanager
def served_pages(
    folder: Path, data: Path, settings: Serve | None = None, acts: Sequence[Act] = ()
) -> Iterator[Visitor]:
    """The pages of the project in `folder`."""
    ready = threading.Event()
    shared: dict[str, Any] = {}

    async def live(sock: socket.socket) -> None:
        channels = ProjectChannels(Project(folder), data, 2, ForkServer())
        chosen = (settings or Serve()).with_address(None, sock.getsockname()[1])
        server = quiet_server(protect(application(channels, acts), chosen), 64)
        shared.update(channels=channels, server=server, loop=asyncio.get_running_loop())
        await channels.begin_schedule(last_start)
        task = asyncio.create_task(server.serve([sock]))
        while not server.started:
            await asyncio.sleep(0)
        ready.set()
        await task
        channels.stop()
        await channels.ended()

    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=lambda: asyncio.run(live(sock)))
        thread.start()
        try:
            wait_for(lambda: ready.is_set() or not thread.is_alive())
            yield Visitor(f"http://127.0.0.1:{sock.getsockname()[1]}", shared["channels"])
        finally:
            if "server" in shared:
                shared["server"].should_exit = True
            thread.join(LONG_S)
