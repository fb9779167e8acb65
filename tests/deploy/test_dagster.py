"""deploy/dagster: what it reads from channel files, and what it makes of exit codes. The last test needs Dagster."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from centra_myogo_dagster.channel_files import find_channels, read_channel
from centra_myogo_dagster.command import Finished, push_words, run
from centra_myogo_dagster.outcomes import RETRIES, Outcome, Then, needs_attention, outcome_of
from centra_myogo_dagster.published import REQUESTED_BY, published_file, quality_of, runs_after
from centra_myogo_dagster.schedule_times import Times, daily, times_of
from centra_myogo_dagster.settings import Settings, settings_of
from centra_myogo_dagster.turns import EarlierRun, Turn, machines_in_order, turn

from pipelines.config.load import load
from pipelines.config.project import BUILT_IN_CHANNELS
from pipelines.config.schedule import ScheduleText
from pipelines.core import errors
from pipelines.sandbox import Sandbox
from tests.support.shop import catalogue, shop_in, size

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "deploy" / "dagster"
PYTHON = ROOT / ".venv-dagster" / "bin" / "python"

CHANNEL = """
name = "my-shop"
schedule = "every 15 min"
full_at = "03:30"
refresh = "changes"

[systems.centra]
base_url = "https://Shop.Centra.test:8443/api/order-api"
timezone = "Europe/Stockholm"

[systems.myogo]
merchant_id = { env = "MY_SHOP_MERCHANT" }

[flows.stock]
schedule = "*/30 6-22 * * mon-fri"

[flows.products]

[flows.orders]
schedule = "off"

[flows.tracking]
enabled = false
"""


def written(folder: Path, text: str = CHANNEL, name: str = "my-shop") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_channel_file_has_flows_schedules_and_what_it_shares(tmp_path: Path) -> None:
    channel = read_channel(written(tmp_path))
    assert (channel.name, channel.identifier, channel.zone) == ("my-shop", "my_shop", "Europe/Stockholm")
    assert channel.flows == ("products", "orders", "stock")
    assert [(one.text, one.flows, one.full) for one in channel.timings] == [
        ("every 15 min", ("products",), False),
        ("*/30 6-22 * * mon-fri", ("stock",), False),
        ("full at 03:30", ("products", "stock"), True),
    ]
    assert (channel.merchant, channel.centra) == ("myogo_env_my_shop_merchant", "centra_shop_centra_test_8443")


def test_the_flows_and_schedules_are_those_of_the_product(tmp_path: Path) -> None:
    """Of the built-in channel, with a schedule for each of its flows."""
    text = (BUILT_IN_CHANNELS / "demo.toml").read_text("utf-8").replace('"../sandbox', f'"{ROOT}/pipelines/sandbox')
    text = text.replace('name = "demo"', 'name = "demo"\nschedule = "*/20 * * * 5-7"') + "\n[flows.stock]\n"
    path = written(tmp_path, text, "demo")
    ours, product = read_channel(path), load(str(path))
    assert list(ours.flows) == product.in_order(())
    assert [one.flows for one in ours.timings] == [one.flows for one in product.timings]
    assert ours.zone == product.zone.key


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [('name = "my-shop"', "", "no valid name"), ("[flows.products]", "[", "my-shop.toml"),
     ("Europe/Stockholm", "Europe/Nowhere", "no time zone"), ('"every 15 min"', '"often"', "is not a schedule"),
     ('"every 15 min"', "15", "is not a schedule"), ("mon-fri", "mon-day", "is not a weekday")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_left_out(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in CHANNEL
    written(tmp_path, CHANNEL.replace(old, new))
    written(tmp_path, CHANNEL.replace("my-shop", "other"), "other")
    found = find_channels(tmp_path)
    assert [channel.name for channel in found.files] == ["other"]
    (problem,) = found.problems
    assert problem.startswith("my-shop.toml is left out")
    assert reason in problem
    assert "centra-myogo check my-shop" in problem


def test_names_that_differ_in_a_dash_only_are_left_out(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, CHANNEL.replace("my-shop", "my_shop"), "my_shop")
    found = find_channels(tmp_path)
    assert [channel.name for channel in found.files] == ["my-shop"]
    assert "'my_shop' is too close to that of" in found.problems[0]


@pytest.mark.parametrize(
    ("merchant", "pool"),
    [('{ file = "../secrets/merchant_id" }', "myogo_file_secrets_merchant_id"), ('"12345"', "myogo_of_my_shop")],
)
def test_a_pool_has_the_place_of_a_secret_in_its_name_and_not_the_secret(
    tmp_path: Path, merchant: str, pool: str
) -> None:
    channel = read_channel(written(tmp_path, CHANNEL.replace('{ env = "MY_SHOP_MERCHANT" }', merchant)))
    assert channel.merchant == pool


@pytest.mark.parametrize(
    ("text", "times"),
    [("every 1 min", Times("* * * * *")), ("every 15 min", Times("*/15 * * * *")), ("every 60 min", Times("0 * * * *")),
     ("Every  1 h", Times("0 * * * *")), ("every 45 min", Times("* * * * *", 2700)),
     ("every 6 h", Times("0 * * * *", 21_600)), ("every 2 d", Times("0 * * * *", 172_800)), ("off", None),
     ("5 6-22 1,15 * fri-sun", Times("5 6-22 1,15 * 0,5,6")), ("0 4 * * 7", Times("0 4 * * 0")),
     ("0 4 * * */2", Times("0 4 * * */2")), ("0 4 * * 1-5/2", Times("0 4 * * 1,3,5"))],
)  # fmt: skip
def test_schedules_as_cron_lines(text: str, times: Times | None) -> None:
    assert times_of(text) == times


@pytest.mark.parametrize("text", ["every 45 min", "every 7 h", "every 2 d", "every 90 min"])
@pytest.mark.parametrize("zone", ["Europe/Stockholm", "Asia/Kolkata"])
def test_an_interval_that_no_cron_line_has_comes_at_the_times_of_serve(text: str, zone: str) -> None:
    from pydantic import TypeAdapter

    times = times_of(text)
    assert times is not None
    schedule = TypeAdapter(ScheduleText).validate_python(text)
    moment = datetime(2026, 3, 27, 5, 1)  # noqa: DTZ001 - UTC; summer time begins two days later
    for _ in range(60):
        moment = schedule.next_after(moment, ZoneInfo(zone))
        at = moment.replace(tzinfo=UTC)
        assert times.has(at, zone)
        assert not times.has(at - timedelta(minutes=1), zone)
        assert times.cron.startswith("*") or at.astimezone(ZoneInfo(zone)).minute == 0


def test_a_time_of_day() -> None:
    assert daily("03:05") == Times("5 3 * * *")
    with pytest.raises(ValueError, match="not a time of day"):
        daily("24:00")


ERROR = {"error": {"id": "SRC-001", "message": "Centra did not answer.", "fix": "Run again later."}}


def test_what_each_exit_code_becomes() -> None:
    """The table of deploy/dagster/README.md."""
    becomes = {
        code: outcome_of(Finished(code, {"flows": {}} if code in (0, 3) else ERROR, ""), 0).then for code in range(7)
    }
    assert becomes == {
        0: Then.MATERIALIZE, 1: Then.FAIL, 2: Then.FAIL, 3: Then.MATERIALIZE, 4: Then.FAIL, 5: Then.RETRY,
        6: Then.NOTHING,
    }  # fmt: skip
    assert set(becomes) == {0, *(kind.exit_code for kind in subclasses(errors.CentraMyogoError))}
    table = dict(re.findall(r"^\| (\d) \|.*\| ([^|]+) \|$", (PACKAGE / "README.md").read_text("utf-8"), re.MULTILINE))
    assert {int(code) for code in table} == set(becomes)
    assert all("fails at once" in table[str(code)] for code, then in becomes.items() if then is Then.FAIL)


def subclasses(kind: type[errors.CentraMyogoError]) -> set[type[errors.CentraMyogoError]]:
    return {kind, *(deeper for one in kind.__subclasses__() for deeper in subclasses(one))}


def test_the_message_of_the_product_is_in_the_last_failure_too() -> None:
    unavailable = Finished(5, ERROR, "")
    assert [outcome_of(unavailable, attempt).then for attempt in range(RETRIES + 1)] == [Then.RETRY] * 3 + [Then.FAIL]
    message = "exit 5: a system was not available [SRC-001]\nCentra did not answer.\nRun again later."
    assert outcome_of(unavailable, RETRIES) == Outcome(Then.FAIL, message)


@pytest.mark.parametrize(
    ("finished", "message"),
    [(Finished(-9, {}, "line\n" * 30 + "last"), "exit -9: a signal ended it (9)\n"),
     (Finished(0, {}, "no JSON"), "exit 0\n")],
)  # fmt: skip
def test_without_json_the_end_of_the_log_is_the_message(finished: Finished, message: str) -> None:
    outcome = outcome_of(finished, 0)
    assert outcome.then is Then.FAIL
    assert outcome.message.startswith(message)
    assert outcome.message.endswith(finished.stderr[-4:])
    assert len(outcome.message.splitlines()) <= 21


def test_the_flows_that_are_the_reason_for_an_exit_3() -> None:
    quiet = {"withheld": 3, "withheld_new": 0, "refused": 0, "unknown": 0}
    flows = {"products": quiet | {"withheld_new": 1}, "orders": quiet, "stock": quiet | {"refused": 2}}
    assert needs_attention({"exit_code": 3, "flows": flows}) == {"products", "stock"}
    assert needs_attention({"exit_code": 0, "flows": flows}) == set()
    assert needs_attention({"exit_code": 3, "flows": {"orders": quiet}}) == {"orders"}, "an order in Pending"


def test_each_channel_has_a_home_and_another_machine_moves_few() -> None:
    names = [f"shop-{number}" for number in range(300)]
    homes = {name: machines_in_order(name, ["a", "b", "c"])[0] for name in names}
    assert all(60 < list(homes.values()).count(machine) < 140 for machine in "abc")
    assert all(machines_in_order(name, ["c", "b", "a"])[0] == home for name, home in homes.items())
    without_c = {name: machines_in_order(name, ["a", "b"])[0] for name in names}
    assert all(without_c[name] == home for name, home in homes.items() if home != "c")


@pytest.mark.parametrize(
    ("position", "ago_min", "active", "expected"),
    [(0, None, False, Turn.START), (1, None, False, Turn.HOME), (0, 15, False, Turn.START), (0, 15, True, Turn.BUSY),
     (1, 15, False, Turn.HOME), (1, 15, True, Turn.BUSY), (1, 29, False, Turn.START), (2, 29, False, Turn.HOME),
     (2, 44, False, Turn.START)],
)  # fmt: skip
def test_another_machine_stands_in_when_the_home_leaves_a_time_out(
    position: int, ago_min: int | None, active: bool, expected: Turn
) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    run = None if ago_min is None else EarlierRun(now - timedelta(minutes=ago_min), active)
    assert turn(position, run, now, timedelta(minutes=15)) is expected


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    settings = settings_of({"CENTRA_MYOGO_PROJECT": str(tmp_path), "CENTRA_MYOGO_MACHINE": "a"})
    assert settings == Settings(tmp_path, tmp_path / "data", "centra-myogo", "a", ("a",))
    with pytest.raises(ValueError, match=r"CENTRA_MYOGO_MACHINE \(c\) is not one of"):
        settings_of({"CENTRA_MYOGO_MACHINE": "c", "CENTRA_MYOGO_MACHINES": "a, b"})
    with pytest.raises(ValueError, match="at least twice"):
        settings_of({"CENTRA_MYOGO_LOST_AFTER_S": "100"})


def settings(folder: Path, program: str = "centra-myogo") -> Settings:
    return Settings(folder, folder / "data", program, "a", ("a",), 0.6, 0.1)


def test_the_command_line(tmp_path: Path) -> None:
    words = push_words(settings(tmp_path), tmp_path / "x.toml", ["stock"], full=True, requested_by="Dagster run 1")
    assert words == ["centra-myogo", "push", str(tmp_path / "x.toml"), "--json", "--by", "Dagster run 1",
                     "--flow", "stock", "--full", "--project", str(tmp_path),
                     "--data", str(tmp_path / "data")]  # fmt: skip


def test_a_run_gives_signs_of_life_and_its_output_is_read(tmp_path: Path) -> None:
    beats: list[int] = []
    script = 'sleep 0.4; echo "a warning" >&2; echo "{\\"exit_code\\": 3}"; exit 3'
    finished = run(["sh", "-c", script], lambda: beats.append(1), 0.1)
    assert finished == Finished(3, {"exit_code": 3}, "a warning\n")
    assert beats


def test_a_stopped_run_may_finish_what_is_in_flight(tmp_path: Path) -> None:
    done = tmp_path / "done"
    script = f"trap 'touch {done}; exit 5' TERM; touch {tmp_path / 'ready'}; while :; do sleep 0.05; done"

    def stop() -> None:
        if (tmp_path / "ready").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", script], stop, 0.05)
    assert done.exists()


def test_a_program_that_is_not_there_is_a_mistake_in_the_configuration() -> None:
    finished = run(["/nowhere/centra-myogo"], lambda: None, 1)
    assert outcome_of(finished, 0).then is Then.FAIL
    assert "CENTRA_MYOGO_PROGRAM names the program" in outcome_of(finished, 0).message


def test_rules_checks_and_runs_are_read_from_the_published_file(tmp_path: Path) -> None:
    with Sandbox.start(catalogue(size(1), size(2, prices=[]))) as box:
        shop = shop_in(box, tmp_path)
        file = published_file(shop.data, "demo")
        first = shop.json("push", "--by", f"{REQUESTED_BY}1a2b3c4d")
        quality = quality_of(file, first["run_id"])
        assert quality.withheld == {"products": {"PRICE-001": 1}}
        assert (quality.not_passed, quality.checked) == ({}, set())
        assert quality_of(file, "another").withheld == {}
        (run_line,) = runs_after(file, None)
        assert (run_line.run_id, run_line.flows, run_line.is_ours) == (first["run_id"], ("products",), True)
        second = shop.json("push")
        (later,) = runs_after(file, run_line.started_at)
        assert (later.run_id, later.is_ours, later.exit_code) == (second["run_id"], False, 3)


def test_the_lock_keeps_extras() -> None:
    """With hashes, pip refuses a lock that has `gql` where another package asks for `gql[requests]`."""
    lock = (PACKAGE / "requirements.lock").read_text("utf-8")
    assert re.findall(r"(?m)^[\w-]+\[[\w,-]+\]==", lock)


def test_dagster_records_what_the_exit_codes_mean(tmp_path: Path) -> None:
    """In Dagster's own environment, with a program that ends with each code."""
    if not PYTHON.is_file():
        pytest.skip("Dagster is not installed: make .venv-dagster/.ready")
    environment = os.environ | {"PYTHONPATH": str(PACKAGE), "DAGSTER_DISABLE_TELEMETRY": "1"}
    script = Path(__file__).with_name("dagster_exit_codes.py")
    done = subprocess.run(
        [PYTHON, script, tmp_path], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for where in ("home", "other"):
        succeeded, attention = found[f"{where} 0"], found[f"{where} 3"]
        assert succeeded["success"]
        assert succeeded["materialized"] == attention["materialized"] == ["products", "stock"]
        assert succeeded["checks"] == [
            ["products", "attention", True], ["products", "catalogue_checks", False], ["products", "rules", False],
            ["stock", "attention", True], ["stock", "rules", True],
        ]  # fmt: skip
        assert ["products", "attention", False] in attention["checks"]
        assert (found[f"{where} 6"]["success"], found[f"{where} 6"]["materialized"]) == (True, [])
        assert len(found[f"{where} 5"]["calls"]) == 1 + RETRIES
        assert "a system was not available [X-1]\nm5" in found[f"{where} 5"]["last_failure"]
    for code in (1, 2, 4):
        failed = found[f"home {code}"]
        assert (failed["success"], len(failed["calls"])) == (False, 1)
        assert f"[X-1]\nm{code}\nf" in failed["last_failure"]
    assert found["schedules"] == {
        "channel_my_shop": ["*/15 * * * *", "Europe/Stockholm"], "channel_my_shop_1": ["* * * * *", "Europe/Stockholm"],
    }  # fmt: skip
    assert found["observations"] == [["products", "page", "anna"], ["stock", "page", "anna"]]


def test_the_page_names_each_variable_and_check() -> None:
    page = (PACKAGE / "README.md").read_text("utf-8")
    code = "\n".join(path.read_text("utf-8") for path in (PACKAGE / "centra_myogo_dagster").glob("*.py"))
    assert [name for name in set(re.findall(r"CENTRA_MYOGO_\w+", code)) if f"`{name}`" not in page] == []
    assert [name for name in ("rules", "catalogue_checks", "attention") if f"`{name}`" not in page] == []


def test_dagsters_settings_send_no_statistics_and_limit_what_channels_share() -> None:
    from importlib import import_module

    yaml = import_module("yaml")  # comes with dlt, without types
    chosen = yaml.safe_load((PACKAGE / "dagster.yaml").read_text("utf-8"))
    assert chosen["telemetry"] == {"enabled": False}
    assert chosen["concurrency"]["pools"] == {"granularity": "run", "default_limit": 1}
    (limit,) = chosen["concurrency"]["runs"]["tag_concurrency_limits"]
    tags = re.findall(r'_TAG = "([^"]+)"', (PACKAGE / "centra_myogo_dagster" / "pushing.py").read_text("utf-8"))
    assert limit["key"] in tags
    servers = yaml.safe_load((PACKAGE / "workspace.yaml").read_text("utf-8"))["load_from"]
    assert [one["grpc_server"]["location_name"] for one in servers] == ["machine-a", "machine-b"]
