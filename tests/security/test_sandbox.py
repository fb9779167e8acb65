"""The sandbox accepts connections from this machine only, and no setting changes that."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.main import get_command

from pipelines.cli import app
from pipelines.sandbox import Sandbox
from pipelines.sandbox.server import listener
from tests.support.waiting import LONG_S

ROOT = Path(__file__).parents[2]
# Runs in a child process, because the tests themselves may connect to 127.0.0.1 only.
CONNECT_SCRIPT = """
import socket, sys
port = int(sys.argv[1])
hosts = {"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1", socket.gethostname()}
for kind, far in ((socket.AF_INET, "192.0.2.254"), (socket.AF_INET6, "2001:db8::1")):
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:  # sends nothing, only finds the local address for that route
        try:
            probe.connect((far, 9))
            hosts.add(probe.getsockname()[0])
        except OSError:
            pass
for host in sorted(hosts):
    try:
        socket.create_connection((host, port), timeout=5).close()
        print(host)
    except OSError:
        pass
"""


def _reachable_at(port: int) -> set[str]:
    finished = subprocess.run(
        [sys.executable, "-c", CONNECT_SCRIPT, str(port)], capture_output=True, text=True, timeout=LONG_S, check=True
    )
    return {host for host in finished.stdout.split() if host != socket.gethostname()}


def _listening_addresses() -> dict[int, str]:
    """The bound address of each listening socket by port, as /proc/net writes it."""
    addresses = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A":
                address, port = local.split(":")
                addresses[int(port, 16)] = address
    return addresses


def test_the_sandbox_can_be_reached_from_this_machine_only(box: Sandbox) -> None:
    """At one address only."""
    for url in (box.centra_url, box.myogo_url):
        port = urlsplit(url).port or 0
        assert _listening_addresses()[port] == "0100007F"
        assert _reachable_at(port) == {"127.0.0.1"}


def test_no_variable_and_no_option_opens_the_sandbox(tmp_path: Path) -> None:
    """As HOST does for other servers."""
    host_variables = dict.fromkeys(("HOST", "UVICORN_HOST", "BIND", "SANDBOX_HOST", "CENTRA_MYOGO_HOST"), "0.0.0.0")
    arguments = ["sandbox", "--print", "--centra-port", "0", "--myogo-port", "0"]
    command = [sys.executable, "-m", "pipelines", *arguments]
    with subprocess.Popen(
        command, env={**os.environ, **host_variables, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            urls: list[str] = []
            for line in iter(process.stdout.readline, ""):
                if line.startswith("base_url"):
                    urls.append(line.split('"')[1])
                if len(urls) == 2:
                    break
            for url in urls:
                assert urlsplit(url).hostname == "127.0.0.1"
                assert _listening_addresses()[urlsplit(url).port or 0] == "0100007F"
        finally:
            process.terminate()
            process.communicate(timeout=LONG_S)
    assert len(urls) == 2
    options = {name for parameter in vars(get_command(app))["commands"]["sandbox"].params for name in parameter.opts}
    assert not {name for name in options if "host" in name or "bind" in name or "address" in name}


def test_the_address_of_the_sandbox_is_a_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert listener.HOST == "127.0.0.1"
    monkeypatch.setenv("HOST", "0.0.0.0")
    with closing(listener.listening_socket(0)) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
