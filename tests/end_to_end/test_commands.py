"""The command line: an exit code for each outcome, one JSON object, no traceback, one run at a time."""

from __future__ import annotations

import errno
import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.shop import Shop, size
from tests.support.shop_helpers import FOREVER, SECRETS, replace_secret, writes
from tests.support.waiting import HANG_S, wait_for

COUNTS = [
    "read", "skipped", "withheld", "withheld_new", "create", "update", "unchanged", "drifted", "unmatched",
    "applied", "refused", "unknown", "not_attempted",
]  # fmt: skip
KEYS = ["channel", "run_id", "verb", "outcome", "exit_code", "fingerprint", "flows"]


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(size(1), size(2))


def withhold_a_row(shop: Shop) -> None:
    shop.box.change_centra_row(2, prices=[])


def refuse_a_row(shop: Shop) -> None:
    shop.box.add_fault(side="myogo", kind="status", status=400, contains='"SKU1"', times=FOREVER)


def use_broken_target(shop: Shop) -> None:
    shop.text += '\n[flows.products]\ntarget = "tests.support.broken_target:Products"\n'
    shop.file.write_text(shop.text)


def stop_centra(shop: Shop) -> None:
    shop.box.add_fault(side="centra", kind="status", status=503, times=FOREVER)


def break_contract(shop: Shop) -> None:
    body = {"status": "ok", "products": [size(number, active=7) for number in range(1, 13)]}
    shop.box.add_fault(side="centra", method="GET", path="/products", kind="body", body=body, times=FOREVER)


@pytest.mark.parametrize(
    ("break_setup", "exit_code", "outcome"),
    [
        pytest.param(lambda shop: None, 0, "ok", id="0, done"),
        pytest.param(use_broken_target, 1, "internal_error", id="1, an internal error"),
        pytest.param(lambda shop: replace_secret(shop, "centra_token", "wrong"), 2, "credentials", id="2, credentials"),
        pytest.param(withhold_a_row, 3, "attention", id="3, a row withheld"),
        pytest.param(refuse_a_row, 3, "attention", id="3, a row refused"),
        pytest.param(lambda shop: shop.edit("= 5000", "= 1"), 4, "refused", id="4, a limit"),
        pytest.param(stop_centra, 5, "unavailable", id="5, a system down"),
        pytest.param(break_contract, 5, "contract", id="5, a contract broken"),
    ],
)
def test_each_outcome_has_its_exit_code(
    shop: Shop, break_setup: Callable[[Shop], Any], exit_code: int, outcome: str
) -> None:
    """The process and the JSON object, which has the documented keys, agree."""
    break_setup(shop)
    document = shop.json("push")
    assert (document["exit_code"], document["outcome"]) == (exit_code, outcome)
    assert [key for key in document if key != "error"] == KEYS
    assert list(document["flows"]["products"]) == COUNTS
    assert (document["channel"], document["verb"]) == ("demo", "push")
    assert ("error" in document) == (exit_code not in (0, 3))


def test_drift_or_a_planned_change_alone_does_not_end_with_3(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1, ean="7312345678909"), size(2), myogo=[{"code": "SKU1", "eanCode": "1"}])
    document = shop.json("plan")
    assert document["flows"]["products"]["drifted"] == 1
    assert document["flows"]["products"]["create"] == 1
    assert document["exit_code"] == 0


@pytest.mark.parametrize("verb", ["plan", "push"])
def test_the_screen_shows_the_plan_and_the_result(shop: Shop, verb: str) -> None:
    result = shop.command(verb, str(shop.file), "--data", str(shop.data))
    assert result.exit_code == 0
    assert ("To create  2" in result.stdout) == (verb == "plan")
    assert "create 2" in result.stdout
    assert ("Planned" if verb == "plan" else "Done") + ". Nothing to fix." in result.stdout
    assert (len(writes(shop)) == 2) == (verb == "push")


WRONG_INPUT = [
    pytest.param(["push", "no-such-channel"], "no channel 'no-such-channel'", id="no such channel"),
    pytest.param(["plan", "no/such.toml"], "no channel file", id="no such file"),
    pytest.param(["check", "."], "channel", id="a folder"),
    pytest.param(["push"], "CHANNEL", id="no channel"),
    pytest.param(["pull", "x"], "pull", id="no such verb"),
    pytest.param(["push", "x", "--forced"], "--force", id="no such option"),
    pytest.param(["--log", "loud", "check", "x"], "loud", id="no such log level"),
    pytest.param(["plan", "x", "--log", "debug"], "--log goes before the verb", id="log level after the verb"),
    pytest.param(["check", ""], "channel", id="an empty name"),
    pytest.param(["history", "no-such-channel", "A"], "no-such-channel", id="history of nothing"),
    pytest.param(["report", "no-such-channel"], "no-such-channel", id="report of nothing"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG_INPUT)
def test_wrong_input_is_explained_without_a_traceback(shop: Shop, arguments: list[str], message: str) -> None:
    result = shop.command(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("name = ", "not valid TOML", id="no TOML"),
        pytest.param("\x00", "not valid TOML", id="no text"),
        pytest.param("", "at least one flow", id="empty"),
        pytest.param('name = "demo"\n[flows.products.params]\ncurrency = "EUR"\n', "missing key systems", id="half"),
    ],
)
@pytest.mark.parametrize("verb", ["check", "plan", "push"])
def test_an_invalid_channel_file_is_explained_in_json_too(shop: Shop, verb: str, text: str, message: str) -> None:
    shop.file.write_text(text)
    document = shop.json(verb)
    assert (document["exit_code"], document["outcome"]) == (2, "config")
    assert message in document["error"]["message"]
    assert document["error"]["fix"]


def test_a_data_folder_that_is_a_file_is_explained(shop: Shop) -> None:
    (shop.folder / "data").write_text("in the way")
    document = shop.json("push")
    assert document["exit_code"] == 2
    assert "data folder" in document["error"]["message"]


def test_a_lock_file_that_cannot_be_taken_is_explained(shop: Shop) -> None:
    (shop.data / "demo" / "run.lock").mkdir(parents=True)
    document = shop.json("push")
    assert document["exit_code"] == 2
    assert "lock file" in document["error"]["message"]


def test_a_disk_without_file_locks_is_explained(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network disks have none; no lock that a dead process would keep is used instead."""

    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    document = shop.json("push")
    assert (document["exit_code"], writes(shop)) == (2, [])
    assert "a local disk" in document["error"]["fix"]


def command_line(shop: Shop, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipelines", *arguments, str(shop.file), "--data", str(shop.data)]


@contextmanager
def running_push(shop: Shop) -> Iterator[subprocess.Popen[bytes]]:
    """A push in a child process that hangs while it reads; it holds the lock when this returns."""
    shop.box.add_fault(side="centra", kind="hang", path="/products", seconds=HANG_S)
    process = subprocess.Popen(
        command_line(shop, "push"), cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: shop.box.requests("centra") or process.poll() is not None)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_second_run_ends_with_6_and_a_killed_run_frees_the_lock(shop: Shop) -> None:
    """The message names the lock holder and its start time; the second run sends no list request."""
    with running_push(shop) as process:
        requests_before = len(shop.box.requests())
        document = shop.json("push")
        assert (document["exit_code"], document["outcome"]) == (6, "busy")
        message = document["error"]["message"]
        assert f"push, process {process.pid} on " in message
        assert time.strftime("since %Y-%m-%dT", time.gmtime()) in message
        assert shop.json("plan")["exit_code"] == 6
        assert shop.json("check")["exit_code"] == 0
        assert [entry for entry in shop.box.requests()[requests_before:] if "limit=100" in entry["query"]] == []
        process.kill()
        process.wait()
        assert (shop.data / "demo" / "run.lock.json").is_file()
    assert shop.json("push")["exit_code"] == 0
    assert shop.sql("select outcome from sync.runs order by started_at") == [("killed",), ("ok",)]


def test_runs_of_two_channels_do_not_block_each_other(shop: Shop) -> None:
    with running_push(shop):
        other = shop.folder / "other.toml"
        other.write_text(shop.text.replace('name = "demo"', 'name = "other"'), "utf-8")
        assert shop.command("plan", str(other), "--data", str(shop.data)).exit_code == 0


def test_two_data_folders_do_not_run_one_channel_at_the_same_time(shop: Shop, tmp_path: Path) -> None:
    """One run was started by a timer, the other by a person in another folder."""
    with running_push(shop):
        document = json.loads(
            shop.command("plan", str(shop.file), "--json", "--data", str(tmp_path / "elsewhere")).stdout
        )
    assert (document["exit_code"], document["error"]["id"]) == (6, "LOCK-001")
    assert f"uses {shop.file}, possibly with another data folder" in document["error"]["message"]


def test_stdout_holds_only_json_and_no_secret_is_written_anywhere(shop: Shop) -> None:
    """At --log debug, with answers that repeat our secrets: none on stdout, on stderr or in a file."""
    known = shop.box.credentials
    answer = {"statusCode": 400, "message": f"No {known.secret_token} and {known.client_secret}, {known.centra_token}!"}
    shop.box.add_fault(side="myogo", kind="status", status=400, contains='"SKU1"', body=answer, times=FOREVER)
    shop.box.add_fault(side="centra", kind="status", status=500, body=f"<p>{known.centra_token}</p>")
    shop.box.add_fault(side="myogo", kind="revoke_tokens", method="POST", path="/Products")
    command = [sys.executable, "-m", "pipelines", "--log", "debug", "push", str(shop.file), "--json"]
    result = subprocess.run(
        [*command, "--data", str(shop.data)], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    document = json.loads(result.stdout)
    assert (result.returncode, document["exit_code"]) == (3, 3)
    assert result.stdout.count("\n") == 1
    assert "retry" in result.stderr
    tokens = shop.box._state.myogo.tokens
    canaries = [*SECRETS, *tokens._access, *tokens._refresh]
    assert len(canaries) >= len(SECRETS) + 2
    outputs = {"stdout": result.stdout, "stderr": result.stderr, "tables": all_cells(shop)}
    outputs |= {str(file): file.read_bytes().decode("latin-1") for file in shop.data.rglob("*") if file.is_file()}
    assert "***" in outputs["tables"]
    for where, text in outputs.items():
        assert [canary for canary in canaries if canary in text] == [], where


def all_cells(shop: Shop) -> str:
    """Every cell of every published table as text, because the database file may be compressed."""
    with duckdb.connect(str(shop.data / "demo" / "analytics.duckdb"), read_only=True) as db:
        names = db.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        return "\n".join(str(db.execute(f"select * from {name}").fetchall()) for (name,) in names)


def test_a_proxy_or_a_netrc_of_the_environment_is_ignored(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback requests bypass the proxy, and a .netrc entry for the host does not replace our token."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert shop.json("check")["exit_code"] == 0


def test_a_sku_that_matches_nothing_is_a_mistake(shop_of: Callable[..., Shop]) -> None:
    """Exit 2 with the closest codes, and nothing is written, although another pattern matches."""
    shop = shop_of(size(1), size(2, prices=[]), size(3, active=0))
    document = shop.json("push", "--sku", "sku1", "--sku", "SKU1")
    assert (document["exit_code"], writes(shop)) == (2, [])
    assert document["error"]["message"] == "--sku 'sku1' matches none of the codes that were read."
    assert "Closest: 'SKU1'." in document["error"]["fix"]
    assert shop.json("plan", "--sku", "ZZZ*")["exit_code"] == 2
    for of_withheld_or_inactive_row in ("SKU2", "SKU[3]"):
        assert shop.json("plan", "--sku", of_withheld_or_inactive_row)["exit_code"] in (0, 3)
