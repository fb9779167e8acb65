"""A listening process of a shop, and messages signed as both vendors sign them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import requests

from pipelines.sandbox.common.webhook_signing import centra_signature, ogoship_signature
from tests.support.shop import Shop

ROOT = Path(__file__).parents[2]
CENTRA_SECRET, MYOGO_KEY = "centra-hook-secret-7f3a", "myogo-hook-key-91c2"
TABLE = """
[listen]
centra_secret = { env = "CENTRA_WEBHOOK_SECRET" }
myogo_key     = { env = "MYOGO_WEBHOOK_KEY" }
settle_s      = 0.05
"""


def until(true: Callable[[], Any], seconds: float = 40) -> Any:
    """What it says once that is something."""
    deadline = time.monotonic() + seconds
    while not (said := true()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return said


@dataclass
class Listening:
    """The process, and where it listens."""

    process: subprocess.Popen[str]
    url: str
    errors: Path

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def log(self) -> str:
        return self.errors.read_text("utf-8")

    def health(self) -> dict[str, Any]:
        return dict(requests.get(f"http://127.0.0.1:{self.port}/health", timeout=5).json())

    def centra(self, payload: str, moment: float | None = None, **headers: str) -> requests.Response:
        body = f"payload={quote_plus(payload)}".encode()
        at = int(time.time() if moment is None else moment)
        signed = {"X-Centra-Signature": f"t={at},v1={centra_signature(CENTRA_SECRET, at, body)}"}
        return requests.post(f"{self.url}/centra", body, headers=signed | headers, timeout=5)

    def myogo(self, payload: str, **headers: str) -> requests.Response:
        body = payload.encode()
        signed = {"X-OGOship-Hmac-SHA256": ogoship_signature(MYOGO_KEY, body)}
        return requests.post(f"{self.url}/myogo", body, headers=signed | headers, timeout=5)

    def stop(self, number: int) -> int:
        """The exit code after that signal."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextlib.contextmanager
def listening(shop: Shop, *words: str, table: str = TABLE, level: str = "info") -> Iterator[Listening]:
    """`centra-myogo listen` on any free port, killed at the end if it is still there."""
    shop.text += table
    shop.file.write_text(shop.text, "utf-8")
    secrets = {"CENTRA_WEBHOOK_SECRET": CENTRA_SECRET, "MYOGO_WEBHOOK_KEY": MYOGO_KEY}
    command = [sys.executable, "-m", "pipelines", "--log", level, "listen", str(shop.file), "--data", str(shop.data)]
    errors = shop.folder / "listen.err"
    with errors.open("w") as noted:
        process = subprocess.Popen(
            [*command, "--port", "0", *words], env=os.environ | secrets | {"PYTHONPATH": str(ROOT)}, cwd=shop.folder,
            stdout=subprocess.PIPE, stderr=noted, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        first = process.stdout.readline().strip()
        assert first.startswith("http://"), errors.read_text()
        yield Listening(process, first, errors)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
