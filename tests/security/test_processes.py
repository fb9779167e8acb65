"""The program as a process: its output at debug, files after a kill, started programs and core dumps."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.security.canaries import PLAIN, WITH_SPECIAL_CHARACTERS
from tests.security.conftest import CanaryShop
from tests.security.echo_server import ReceivedRequest, Reply, at, myogo_error
from tests.support.shop import TORTURE, size
from tests.support.waiting import LONG_S, wait_for

ROOT = Path(__file__).parents[2]
# Runs the program like its console script, in an interpreter that records the programs that it starts.
RECORDING_SCRIPT = """
import atexit, os, sys
started = []
kinds = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "os.spawn", "pty.spawn")
sys.addaudithook(lambda event, args: started.append(f"{event} {args[1]}") if event in kinds else None)
atexit.register(lambda: open(os.environ["STARTED"], "w").write("\\n".join(started)))
from pipelines.__main__ import main
main()
"""


def _environment(canary_shop: CanaryShop) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "STARTED": str(canary_shop.shop.folder / "started")}


def _run(
    canary_shop: CanaryShop, *arguments: str, start: tuple[str, ...] = ("-c", RECORDING_SCRIPT)
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *start, "--log", "debug", arguments[0], str(canary_shop.shop.file), *arguments[1:]]
    command += ["--data", str(canary_shop.shop.data)]
    environment = _environment(canary_shop)
    finished = subprocess.run(
        command, env=environment, cwd=canary_shop.shop.folder, capture_output=True, text=True, timeout=LONG_S
    )
    scanner = canary_shop.scanner
    assert scanner.find("stdout", finished.stdout) + scanner.find("stderr", finished.stderr) == []
    return finished


@pytest.fixture
def canary_shop(canary_shop_of: Callable[..., CanaryShop]) -> CanaryShop:
    return canary_shop_of(WITH_SPECIAL_CHARACTERS, size(1), size(2))


def test_a_push_at_debug_prints_no_secret_and_starts_no_other_program(canary_shop: CanaryShop) -> None:
    """The log also has no header of a request."""
    canary_shop.echo_server.script(
        at("myogo", "/Products", method="POST"), lambda h: Reply(400, myogo_error(h.secrets_as("HTML"))), times=1
    )
    finished = _run(canary_shop, "push")
    assert finished.returncode == 3
    assert "step='push'" in finished.stderr
    assert "HTTP 400: ***" in finished.stdout
    for name in ("authorization", "Bearer", "grant_type"):
        assert name not in finished.stdout.lower() + finished.stderr.lower()
    # One library starts the system's `file` to find the type of the Python executable; nothing else is started.
    started = (canary_shop.shop.folder / "started").read_text()
    assert [line for line in started.splitlines() if not line.startswith("subprocess.Popen ['file', '-b'")] == []
    assert canary_shop.scanner.find("arguments of other programs", started) == []
    assert canary_shop.scanner.in_files(canary_shop.shop.data) == []


@pytest.mark.parametrize("fault", ["contract", *(["extract", "transform"] if TORTURE else [])])
def test_an_internal_error_with_a_secret_in_its_message_is_masked(canary_shop: CanaryShop, fault: str) -> None:
    """In its traceback, its causes and its message, also before any secret is read."""
    name = "to_myogo" if fault == "transform" else "anything"
    canary_shop.shop.edit(HEAD, f'[flows.products]\n{fault} = "tests.security.leaky_plugins:{name}"\n{HEAD}')
    finished = _run(canary_shop, "plan")
    assert finished.returncode == 1
    assert "Traceback" in finished.stderr
    assert "***" in finished.stderr


def test_errors_in_threads_warnings_and_finalisers_are_masked(canary_shop: CanaryShop) -> None:
    """What Python prints itself goes through the log."""
    script = """
import gc, logging, sys, threading, warnings
from pipelines import __main__
from pipelines.core import logs
import os
token = os.environ["CANARY_CENTRA_TOKEN"]
logs.register_secret(token)
class Heavy:
    def __del__(self):
        raise ValueError(f"lost: {token}")
def app():
    logs.set_up("debug")
    warnings.warn(f"worn: {token}")
    def fall():
        raise ValueError(f"fell: {token}\\x1b]0;title\\x07\\n2026-01-01 INFO forged")
    thread = threading.Thread(target=fall); thread.start(); thread.join()
    Heavy(); gc.collect()
    raise RuntimeError(f"broke: {token}\\x1b[2J")
import pipelines.cli
pipelines.cli.app = app
__main__.main()
"""
    finished = _run(canary_shop, "plan", start=("-c", script))
    assert finished.returncode == 1
    for line in ("worn: ***", "fell: ***", "lost: ***", "broke: ***"):
        assert line in finished.stderr
    assert "\x1b" not in finished.stderr
    assert "\n2026-01-01 INFO forged" not in finished.stderr


@contextlib.contextmanager
def _push_waiting_for(
    canary_shop: CanaryShop, when: Callable[[ReceivedRequest], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """A push in a child process that waits for the answer to a request for which `when` is true."""
    reached = []

    def hang(request: ReceivedRequest) -> Reply:
        reached.append(request)
        return Reply(200, None, hang_s=20)

    canary_shop.echo_server.script(when, hang)
    command = [
        sys.executable,
        "-m",
        "pipelines",
        "push",
        str(canary_shop.shop.file),
        "--data",
        str(canary_shop.shop.data),
    ]

    def allow_core_dumps() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    process = subprocess.Popen(
        command, env=_environment(canary_shop), cwd=canary_shop.shop.folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, preexec_fn=allow_core_dumps,
    )  # fmt: skip
    try:
        wait_for(lambda: reached or process.poll() is not None)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_killed_push_leaves_no_secret(canary_shop: CanaryShop) -> None:
    """Not in the journal, not in DuckDB's write-ahead log, not in any other file."""
    with _push_waiting_for(canary_shop, at("myogo", "/Products", method="POST")) as process:
        core = next(line for line in Path(f"/proc/{process.pid}/limits").read_text().splitlines() if "core" in line)
        assert core.split()[4] == "0", "a memory dump would hold every secret"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    file_names = {path.name for path in canary_shop.shop.data.rglob("*")}
    assert "journal.jsonl" in file_names
    assert canary_shop.scanner.in_files(canary_shop.shop.data) == []


def test_a_killed_read_leaves_no_secret(canary_shop: CanaryShop) -> None:
    """dlt's folder still exists, with the rows read so far."""
    with _push_waiting_for(canary_shop, at("centra", "/stock")) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    file_names = {path.name for path in canary_shop.shop.data.rglob("*")}
    assert "dlt" in file_names
    assert canary_shop.scanner.in_files(canary_shop.shop.data) == []


HEAD = "[flows.products.params]"
BAD_CONFIG: dict[str, tuple[str, str]] = {
    "a secret written into the file": ('{ env = "CANARY_CENTRA_TOKEN" }', '"%s"'),
    "a secret for a variable's name": ("CANARY_CENTRA_TOKEN", "%s"),
    "a secret in an address": ("http://127", "http://%s@127"),
    "a secret in a query": ("/api/order-api", "/api/order-api?key=%s"),
    "a secret for a name": ('name = "demo"', 'name = "%s"'),
    "a secret for a number": ("page_size           = 100", 'page_size = "%s"'),
    "a secret for a zone": ('"Europe/Stockholm"', '"%s"'),
    "a secret for a reference": (HEAD, f'[flows.products]\\ntransform = "%s"\\n{HEAD}'),
    "a secret for a parameter": ('currency          = "EUR"', 'currency = 1\nlanguage_by_store = "%s"\n#'),
    "invalid TOML": ("[flows", 'x = "%s" "%s"\n[flows'),
}  # fmt: skip


@pytest.mark.parametrize("mistake", BAD_CONFIG)
def test_a_secret_in_the_wrong_place_of_the_channel_file_is_not_printed(
    canary_shop_of: Callable[..., CanaryShop], mistake: str
) -> None:
    """The error names the file and the key, never the value."""
    canary_shop = canary_shop_of(PLAIN, size(1))
    old, new = BAD_CONFIG[mistake]
    canary_shop.shop.text = canary_shop.shop.text.replace(
        old, new.replace("%s", "canary-" + PLAIN.centra_token + "/"), 1
    )
    canary_shop.shop.file.write_text(canary_shop.shop.text)
    for arguments in (["plan"], ["check"], ["plan", "--json"]):
        result = canary_shop.shop.command("--log", "debug", arguments[0], str(canary_shop.shop.file), *arguments[1:])
        assert result.exit_code == 2, result.output
        assert canary_shop.scanner.find(mistake, result.stdout + result.stderr) == []
