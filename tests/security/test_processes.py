"""The program as a process: what it says at debug, what a kill leaves, what it starts and what it would dump."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.security.canaries import PLAIN, SPIKY
from tests.security.conftest import Vault
from tests.security.mirror import Heard, Reply, at, myogo_says
from tests.support.shop import TORTURE, size

ROOT = Path(__file__).parents[2]
# Runs the program as its console script does, in an interpreter that notes whatever is started by it.
LISTENED = """
import atexit, os, sys
started = []
kinds = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "os.spawn", "pty.spawn")
sys.addaudithook(lambda event, told: started.append(f"{event} {told[1]}") if event in kinds else None)
atexit.register(lambda: open(os.environ["STARTED"], "w").write("\\n".join(started)))
from pipelines.__main__ import main
main()
"""


def _environment(vault: Vault) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "STARTED": str(vault.shop.folder / "started")}


def _run(vault: Vault, *words: str, start: tuple[str, ...] = ("-c", LISTENED)) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *start, "--log", "debug", words[0], str(vault.shop.file), *words[1:]]
    command += ["--data", str(vault.shop.data)]
    environment = _environment(vault)
    done = subprocess.run(command, env=environment, cwd=vault.shop.folder, capture_output=True, text=True, timeout=100)
    watch = vault.watch
    assert watch.found("stdout", done.stdout) + watch.found("stderr", done.stderr) == []
    return done


@pytest.fixture
def vault(vault_of: Callable[..., Vault]) -> Vault:
    return vault_of(SPIKY, size(1), size(2))


def test_a_push_at_debug_says_no_secret_and_starts_no_other_program(vault: Vault) -> None:
    """With the HTTP library's own debugging asked for as well: no header of a request is in the log."""
    vault.mirror.cast(
        at("myogo", "/Products", method="POST"), lambda h: Reply(400, myogo_says(h.said("HTML"))), times=1
    )
    done = _run(vault, "push")
    assert done.returncode == 3
    assert "step='push'" in done.stderr
    assert "HTTP 400: ***" in done.stdout
    for name in ("authorization", "Bearer", "grant_type"):
        assert name not in done.stdout.lower() + done.stderr.lower()
    # One library of another asks the system's `file` what kind of program Python is; nothing else is started.
    started = (vault.shop.folder / "started").read_text()
    assert [line for line in started.splitlines() if not line.startswith("subprocess.Popen ['file', '-b'")] == []
    assert vault.watch.found("arguments of other programs", started) == []
    assert vault.watch.in_files(vault.shop.data) == []


@pytest.mark.parametrize("fault", ["contract", *(["extract", "transform"] if TORTURE else [])])
def test_a_fault_of_ours_with_a_secret_in_its_words(vault: Vault, fault: str) -> None:
    """Its traceback, its causes and its message are masked, also before any secret was asked for."""
    name = "to_myogo" if fault == "transform" else "anything"
    vault.shop.edit(HEAD, f'[flows.products]\n{fault} = "tests.security.broken:{name}"\n{HEAD}')
    done = _run(vault, "plan")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "***" in done.stderr


def test_a_fault_in_a_thread_a_warning_and_a_fault_while_cleaning_up(vault: Vault) -> None:
    """What Python would print by itself goes through the log."""
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
    done = _run(vault, "plan", start=("-c", script))
    assert done.returncode == 1
    for told in ("worn: ***", "fell: ***", "lost: ***", "broke: ***"):
        assert told in done.stderr
    assert "\x1b" not in done.stderr
    assert "\n2026-01-01 INFO forged" not in done.stderr


@contextlib.contextmanager
def _under_way(vault: Vault, when: Callable[[Heard], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """A push that waits for an answer to such a request."""
    reached = []

    def hangs(heard: Heard) -> Reply:
        reached.append(heard)
        return Reply(200, None, hang_s=20)

    vault.mirror.cast(when, hangs)
    command = [sys.executable, "-m", "pipelines", "push", str(vault.shop.file), "--data", str(vault.shop.data)]

    def dumps_wanted() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    process = subprocess.Popen(
        command, env=_environment(vault), cwd=vault.shop.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=dumps_wanted,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not reached and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
        assert reached
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_killed_push_leaves_no_secret(vault: Vault) -> None:
    """Neither in the journal it was writing, nor in DuckDB's log beside the database, nor in any other file."""
    with _under_way(vault, at("myogo", "/Products", method="POST")) as process:
        core = next(line for line in Path(f"/proc/{process.pid}/limits").read_text().splitlines() if "core" in line)
        assert core.split()[4] == "0", "a memory dump would hold every secret"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    left = {path.name for path in vault.shop.data.rglob("*")}
    assert "journal.jsonl" in left
    assert vault.watch.in_files(vault.shop.data) == []


def test_a_killed_read_leaves_no_secret(vault: Vault) -> None:
    """dlt's folder is there then, with what was read so far."""
    with _under_way(vault, at("centra", "/stock")) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    left = {path.name for path in vault.shop.data.rglob("*")}
    assert "dlt" in left
    assert vault.watch.in_files(vault.shop.data) == []


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
    "no TOML any more": ("[flows", 'x = "%s" "%s"\n[flows'),
}  # fmt: skip


@pytest.mark.parametrize("mistake", BAD_CONFIG)
def test_a_secret_in_the_wrong_place_of_the_channel_file_is_not_read_out(
    vault_of: Callable[..., Vault], mistake: str
) -> None:
    """The complaint names file and key, never the value."""
    vault = vault_of(PLAIN, size(1))
    old, new = BAD_CONFIG[mistake]
    vault.shop.text = vault.shop.text.replace(old, new.replace("%s", "canary-" + PLAIN.centra_token + "/"), 1)
    vault.shop.file.write_text(vault.shop.text)
    for words in (["plan"], ["check"], ["plan", "--json"]):
        result = vault.shop.command("--log", "debug", words[0], str(vault.shop.file), *words[1:])
        assert result.exit_code == 2, result.output
        assert vault.watch.found(mistake, result.stdout + result.stderr) == []
