"""The command line: an exit code for every kind of end, one JSON object, no traceback, one run at a time."""

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
from tests.support.shop_helpers import FOREVER, SECRETS, secret, writes

COUNTS = [
    "read", "skipped", "withheld", "create", "update", "unchanged", "drifted", "unmatched",
    "applied", "refused", "unknown", "not_attempted",
]  # fmt: skip
KEYS = ["channel", "run_id", "verb", "outcome", "exit_code", "fingerprint", "flows"]


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(size(1), size(2))


def withheld(shop: Shop) -> None:
    shop.box.change_centra_row(2, prices=[])


def refused(shop: Shop) -> None:
    shop.box.add_fault(side="myogo", kind="status", status=400, contains='"SKU1"', times=FOREVER)


def broken(shop: Shop) -> None:
    shop.text += '\n[flows.products]\ntarget = "tests.support.broken_target:Products"\n'
    shop.file.write_text(shop.text)


def down(shop: Shop) -> None:
    shop.box.add_fault(side="centra", kind="status", status=503, times=FOREVER)


@pytest.mark.parametrize(
    ("wrong", "exit_code", "outcome"),
    [
        pytest.param(lambda shop: None, 0, "ok", id="0, done"),
        pytest.param(broken, 1, "internal_error", id="1, an internal error"),
        pytest.param(lambda shop: secret(shop, "centra_token", "wrong"), 2, "credentials", id="2, credentials"),
        pytest.param(withheld, 3, "attention", id="3, a row withheld"),
        pytest.param(refused, 3, "attention", id="3, a row refused"),
        pytest.param(lambda shop: shop.edit("= 5000", "= 1"), 4, "refused", id="4, a limit"),
        pytest.param(down, 5, "unavailable", id="5, a system down"),
        pytest.param(lambda shop: shop.box.change_centra_row(1, active=7), 5, "contract", id="5, a contract broken"),
    ],
)
def test_every_end_has_its_exit_code(shop: Shop, wrong: Callable[[Shop], Any], exit_code: int, outcome: str) -> None:
    """In the JSON object, which has the documented keys, and of the process."""
    wrong(shop)
    document = shop.json("push")
    assert (document["exit_code"], document["outcome"]) == (exit_code, outcome)
    assert [key for key in document if key != "error"] == KEYS
    assert list(document["flows"]["products"]) == COUNTS
    assert (document["channel"], document["verb"]) == ("demo", "push")
    assert ("error" in document) == (exit_code not in (0, 3))


def test_a_drift_or_a_planned_change_alone_is_no_3(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1, ean="7312345678901"), size(2), myogo=[{"code": "SKU1", "eanCode": "1"}])
    document = shop.json("plan")
    assert document["flows"]["products"]["drifted"] == 1
    assert document["flows"]["products"]["create"] == 1
    assert document["exit_code"] == 0


@pytest.mark.parametrize("verb", ["plan", "push"])
def test_the_screen_shows_the_plan_and_the_end(shop: Shop, verb: str) -> None:
    shown = shop.command(verb, str(shop.file), "--data", str(shop.data))
    assert shown.exit_code == 0
    assert "Would create" in shown.stdout
    assert "Done. Nothing to fix." in shown.stdout
    assert (len(writes(shop)) == 2) == (verb == "push")


WRONG_INPUT = [
    pytest.param(["push", "no-such-channel"], "no channel 'no-such-channel'", id="no such channel"),
    pytest.param(["plan", "no/such.toml"], "no channel file", id="no such file"),
    pytest.param(["check", "."], "channel", id="a folder"),
    pytest.param(["push"], "CHANNEL", id="no channel"),
    pytest.param(["pull", "x"], "pull", id="no such verb"),
    pytest.param(["push", "x", "--forced"], "--force", id="no such option"),
    pytest.param(["--log", "loud", "check", "x"], "loud", id="no such log level"),
    pytest.param(["check", ""], "channel", id="an empty name"),
    pytest.param(["history", "no-such-channel", "A"], "no-such-channel", id="history of nothing"),
    pytest.param(["report", "no-such-channel"], "no-such-channel", id="report of nothing"),
]


@pytest.mark.parametrize(("words", "said"), WRONG_INPUT)
def test_wrong_input_is_explained_without_a_traceback(shop: Shop, words: list[str], said: str) -> None:
    result = shop.command(*words)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("name = ", "not valid TOML", id="no TOML"),
        pytest.param("\x00", "not valid TOML", id="no text"),
        pytest.param("", "at least one flow", id="empty"),
        pytest.param('name = "demo"\n[flows.products.params]\ncurrency = "EUR"\n', "missing key systems", id="half"),
    ],
)
@pytest.mark.parametrize("verb", ["check", "plan", "push"])
def test_a_wrong_channel_file_is_explained_in_json_too(shop: Shop, verb: str, text: str, said: str) -> None:
    shop.file.write_text(text)
    document = shop.json(verb)
    assert (document["exit_code"], document["outcome"]) == (2, "config")
    assert said in document["error"]["message"]
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


def test_a_disk_without_locks_is_explained(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some disks of a network have none; a lock that a dead holder would keep is not taken in its stead."""

    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    document = shop.json("push")
    assert (document["exit_code"], writes(shop)) == (2, [])
    assert "a disk of this machine" in document["error"]["fix"]


def arguments(shop: Shop, *words: str) -> list[str]:
    return [sys.executable, "-m", "pipelines", *words, str(shop.file), "--data", str(shop.data)]


@contextmanager
def running_push(shop: Shop) -> Iterator[subprocess.Popen[bytes]]:
    """A push in a process of its own, held up while it reads; it has the lock when this returns."""
    shop.box.add_fault(side="centra", kind="hang", path="/products")
    process = subprocess.Popen(
        arguments(shop, "push"), cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while not shop.box.requests("centra"):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_second_run_ends_with_6_and_a_dead_one_frees_the_lock(shop: Shop) -> None:
    """It says who holds the lock and since when, and does nothing; a killed holder holds nothing."""
    with running_push(shop) as process:
        asked = len(shop.box.requests())
        document = shop.json("push")
        assert (document["exit_code"], document["outcome"]) == (6, "busy")
        message = document["error"]["message"]
        assert f"push, process {process.pid} on " in message
        assert time.strftime("since %Y-%m-%dT", time.gmtime()) in message
        assert shop.json("plan")["exit_code"] == 6
        assert shop.json("check")["exit_code"] == 0
        assert [entry for entry in shop.box.requests()[asked:] if "limit=100" in entry["query"]] == []
        process.kill()
        process.wait()
        assert (shop.data / "demo" / "run.lock.json").is_file()
    assert shop.json("push")["exit_code"] == 0
    assert shop.sql("select outcome from sync.runs order by started_at") == [("killed",), ("ok",)]


def test_runs_of_two_channels_do_not_mind_each_other(shop: Shop) -> None:
    with running_push(shop):
        shop.edit('name = "demo"', 'name = "other"')
        assert shop.run("plan").exit_code == 0


def test_json_is_alone_on_stdout_and_no_secret_is_told_anywhere(shop: Shop) -> None:
    """At --log debug, with systems that repeat our secrets in what they say: not on stdout or stderr, in no file."""
    known = shop.box.credentials
    said = {"statusCode": 400, "message": f"No {known.secret_token} and {known.client_secret}, {known.centra_token}!"}
    shop.box.add_fault(side="myogo", kind="status", status=400, contains='"SKU1"', body=said, times=FOREVER)
    shop.box.add_fault(side="centra", kind="status", status=500, body=f"<p>{known.centra_token}</p>")
    shop.box.add_fault(side="myogo", kind="revoke_tokens", method="POST", path="/Products")
    words = [sys.executable, "-m", "pipelines", "--log", "debug", "push", str(shop.file), "--json"]
    result = subprocess.run(
        [*words, "--data", str(shop.data)], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    document = json.loads(result.stdout)
    assert (result.returncode, document["exit_code"]) == (3, 3)
    assert result.stdout.count("\n") == 1
    assert "retry" in result.stderr
    tokens = shop.box._state.myogo.tokens
    canaries = [*SECRETS, *tokens._access, *tokens._refresh]
    assert len(canaries) >= len(SECRETS) + 2
    told = {"stdout": result.stdout, "stderr": result.stderr, "tables": everything(shop)}
    told |= {str(file): file.read_bytes().decode("latin-1") for file in shop.data.rglob("*") if file.is_file()}
    assert "***" in told["tables"]
    for where, text in told.items():
        assert [canary for canary in canaries if canary in text] == [], where


def everything(shop: Shop) -> str:
    """Every cell of every published table as text: the file itself may hold it compressed."""
    with duckdb.connect(str(shop.data / "demo" / "analytics.duckdb"), read_only=True) as db:
        names = db.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        return "\n".join(str(db.execute(f"select * from {name}").fetchall()) for (name,) in names)


def test_a_proxy_or_a_netrc_of_the_environment_changes_no_header(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback is asked directly, and a .netrc entry for its host does not take our token's place."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert shop.json("check")["exit_code"] == 0
