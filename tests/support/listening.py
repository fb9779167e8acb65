"""A `listen` process for a shop, and webhook messages signed as both vendors sign them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import requests

from pipelines.sandbox.common.webhook_signing import centra_signature, ogoship_signature
from tests.support.shop import Shop
from tests.support.waiting import LONG_S

ROOT = Path(__file__).parents[2]
CENTRA_SECRET, MYOGO_KEY = "centra-hook-secret-7f3a", "myogo-hook-key-91c2"
TABLE = """
[listen]
centra_secret = { env = "CENTRA_WEBHOOK_SECRET" }
myogo_key     = { env = "MYOGO_WEBHOOK_KEY" }
settle_s      = 0.05
"""


@dataclass
class ListenProcess:
    """A running `listen` process. `url` is its address, `errors` the file with its stderr."""

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
        return dict(requests.get(f"http://127.0.0.1:{self.port}/health", timeout=LONG_S).json())

    def centra(self, payload: str, moment: float | None = None, **headers: str) -> requests.Response:
        body = f"payload={quote_plus(payload)}".encode()
        timestamp = int(time.time() if moment is None else moment)
        signature = {"X-Centra-Signature": f"t={timestamp},v1={centra_signature(CENTRA_SECRET, timestamp, body)}"}
        return requests.post(f"{self.url}/centra", body, headers=signature | headers, timeout=LONG_S)

    def myogo(self, payload: str, **headers: str) -> requests.Response:
        body = payload.encode()
        signature = {"X-OGOship-Hmac-SHA256": ogoship_signature(MYOGO_KEY, body)}
        return requests.post(f"{self.url}/myogo", body, headers=signature | headers, timeout=LONG_S)

    def stop(self, number: int) -> int:
        """Sends the signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LONG_S)


@contextlib.contextmanager
def listening(shop: Shop, *arguments: str, table: str = TABLE, level: str = "info") -> Iterator[ListenProcess]:
    """Runs `centra-myogo listen` on a free port and kills the process at the end."""
    shop.text += table
    shop.file.write_text(shop.text, "utf-8")
    secrets = {"CENTRA_WEBHOOK_SECRET": CENTRA_SECRET, "MYOGO_WEBHOOK_KEY": MYOGO_KEY}
    command = [sys.executable, "-m", "pipelines", "--log", level, "listen", str(shop.file), "--data", str(shop.data)]
    errors = shop.folder / "listen.err"
    with errors.open("w") as stderr_file:
        process = subprocess.Popen(
            [*command, "--port", "0", *arguments], env=os.environ | secrets | {"PYTHONPATH": str(ROOT)},
            cwd=shop.folder, stdout=subprocess.PIPE, stderr=stderr_file, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        first_line = process.stdout.readline().strip()
        assert first_line.startswith("http://"), errors.read_text()
        yield ListenProcess(process, first_line, errors)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
