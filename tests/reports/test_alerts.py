"""When an alert is sent, what it says, and what happens if its target does not answer."""

from __future__ import annotations

import logging
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pipelines.config.channel import Channel
from pipelines.core.errors import ConfigError, SourceError, UnsafePlan
from pipelines.reports import alert_delivery, heartbeat
from pipelines.reports.alerts import notify
from pipelines.reports.heartbeat import Heartbeat
from pipelines.reports.run_watch import RunWatch
from pipelines.state.run_result import RunResult
from pipelines.state.store import utc_now
from tests.support.alert_server import HEARTBEAT_ID, TOKEN, AlertServer, alert_server, closed_port
from tests.support.shop import Shop, size

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC).replace(tzinfo=None)
TWO_FLOWS = '[flows.stock.params]\n[alerts]\nurls = [{ env = "ALERT_URL" }]\n'


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertServer]:
    with alert_server(monkeypatch) as running:
        yield running


@pytest.fixture
def shop(shop_of: Callable[..., Shop], server: AlertServer) -> Shop:
    shop = shop_of(size(1))
    shop.edit('attention = "any"', 'attention = "new"')
    return shop


@pytest.fixture
def channel(shop: Shop) -> Channel:
    return channel_with(shop)


def channel_with(shop: Shop, *lines: str) -> Channel:
    shop.file.write_text(shop.text + TWO_FLOWS + "\n".join(lines), "utf-8")
    return shop.channel()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Ours: those of apprise reach only pytest."""
    ours = [one for one in caplog.records if one.name.startswith("pipelines.") and one.levelno >= logging.WARNING]
    return [one.getMessage() for one in ours]


class Pushes:
    """Pushes that end as a test says, and the alerts about them."""

    def __init__(self, channel: Channel, data: Path, server: AlertServer) -> None:
        self.channel, self.data, self.server = channel, data, server
        self.at = NOW

    def end(self, code: int, *flows: str, seconds: float = 60, error: Any = None, **counts: int) -> list[str]:
        """The titles of the messages about a push that ended with this exit code. `counts` are those of products."""
        self.at += timedelta(minutes=15)
        run = RunResult("demo", f"{self.at:%Y%m%dT%H%M%S}-000000", "push", self.at)
        for flow in flows or ("products", "stock"):
            run.begin(flow)
        next(iter(run.flows.values())).update(counts)
        if error is not None:
            run.failed(error)
        outcomes = {
            0: "ok",
            1: "internal_error",
            2: "config",
            3: "attention",
            4: "refused",
            5: "unavailable",
            6: "busy",
        }
        run.outcome, run.exit_code = outcomes[code], code
        run.ended_at = self.at + timedelta(seconds=seconds)
        return self._titles(run)

    def look(self, after: timedelta = timedelta(), **options: Any) -> list[str]:
        self.at += after
        return self._titles(None, **options)

    def _titles(self, run: RunResult | None, **options: Any) -> list[str]:
        before = len(self.server.alerts)
        notify(self.channel, self.data, run, now=self.at + timedelta(minutes=1), **options)
        return [title.removeprefix("demo: ") for title in self.server.titles[before:]]


@pytest.fixture
def pushes(channel: Channel, shop: Shop, server: AlertServer) -> Pushes:
    return Pushes(channel, shop.data, server)


def test_one_message_for_each_change_of_state(pushes: Pushes) -> None:
    assert pushes.end(0) == []
    assert pushes.end(3, read=9, withheld=1, withheld_new=1) == ["attention"]
    assert pushes.end(0, read=9, withheld=1) == ["good"]
    for code in (1, 2, 4):
        assert pushes.end(code) == ["failed"]
        assert pushes.end(code) == []
        assert pushes.end(0) == ["good"]
    assert pushes.end(2) == ["failed"]
    assert pushes.end(3, withheld=1, withheld_new=1) == ["attention"]
    assert pushes.end(6) == []


def test_a_second_message_only_if_something_is_new(pushes: Pushes) -> None:
    """Not for a row that has an unknown outcome again, or that is withheld as before."""
    assert pushes.end(3, withheld=1, withheld_new=1) == ["attention"]
    assert pushes.end(3, withheld=1, unknown=1) == []
    assert pushes.end(3, withheld=2, withheld_new=1) == ["attention"]


def test_an_outage_is_reported_from_the_second_push_on(pushes: Pushes) -> None:
    assert pushes.end(5) == []
    assert pushes.end(0) == []
    assert pushes.end(5) == []
    assert pushes.end(6) == []
    assert pushes.end(5) == ["failed"]
    assert pushes.end(5) == []
    assert pushes.end(0) == ["good"]


def test_an_outage_of_one_push_does_not_end_another_state(pushes: Pushes) -> None:
    assert pushes.end(3, withheld=1, withheld_new=1) == ["attention"]
    assert pushes.end(5) == []
    assert pushes.end(0) == ["good"]
    assert pushes.end(2) == ["failed"]
    assert pushes.end(5) == []


def test_each_flow_has_its_state_and_the_worst_counts(pushes: Pushes) -> None:
    """Schedules and webhooks push flows one by one: a push of stock says nothing about products."""
    assert pushes.end(2, "products") == ["failed"]
    assert pushes.end(0, "stock") == []
    assert pushes.end(5, "stock") == []
    assert pushes.end(0, "products") == ["good"]
    assert pushes.end(5, "stock") == ["failed"]
    assert pushes.end(3, "products", withheld=1, withheld_new=1) == []
    assert pushes.end(0, "stock") == ["attention"]
    assert pushes.end(0, "products") == ["good"]


def test_exit_3_belongs_to_the_flow_with_the_cause(pushes: Pushes) -> None:
    assert pushes.end(3, "stock", "products", refused=1) == ["attention"]
    assert pushes.end(0, "stock") == ["good"]
    assert pushes.end(3, "stock", "products") == ["attention"]  # a cause that no count shows: both flows
    assert pushes.end(0, "stock") == []
    assert pushes.end(0, "products") == ["good"]


@pytest.mark.parametrize(
    ("line", "counts", "holds"),
    [
        ("withheld_share = 0.1", {"read": 20, "skipped": 10, "withheld": 1}, False),
        ("withheld_share = 0.1", {"read": 20, "skipped": 10, "withheld": 2}, True),
        ("withheld_share = 0", {"read": 9}, False),
        ("withheld_share = 0", {}, False),
        ("withheld_share = 0", {"read": 999, "withheld": 1}, True),
        ("refused = 2", {"refused": 1}, False),
        ("refused = 2", {"refused": 2}, True),
        ("duration_s = 60", {"seconds": 60}, False),
        ("duration_s = 60", {"seconds": 61}, True),
    ],
)
def test_a_condition_makes_a_good_push_one_that_needs_attention(
    shop: Shop, server: AlertServer, line: str, counts: dict[str, int], holds: bool
) -> None:
    pushes = Pushes(channel_with(shop, line), shop.data, server)
    assert pushes.end(0, **counts) == (["attention"] if holds else [])
    assert pushes.end(0, **counts) == []
    assert pushes.end(0) == (["good"] if holds else [])
    if holds:
        assert f"{line.split()[0]}: " in server.alerts[0].message


def test_a_further_condition_is_news(shop: Shop, server: AlertServer) -> None:
    pushes = Pushes(channel_with(shop, "refused = 10"), shop.data, server)
    assert pushes.end(3, refused=1) == ["attention"]
    assert pushes.end(3, refused=9) == []
    assert pushes.end(3, refused=10) == ["attention"]
    assert pushes.end(3, refused=11) == []


def test_attention_never_is_respected(shop: Shop, server: AlertServer) -> None:
    """Withheld rows then make neither an exit 3 nor news."""
    shop.edit('attention = "new"', 'attention = "never"')
    pushes = Pushes(channel_with(shop), shop.data, server)
    assert pushes.end(3, refused=1) == ["attention"]
    assert pushes.end(3, refused=1, withheld=3, withheld_new=3) == []


def test_a_channel_without_a_good_push_is_stale(shop: Shop, server: AlertServer) -> None:
    pushes = Pushes(channel_with(shop, "hours_since_success = 2"), shop.data, server)
    assert pushes.end(0) == []
    assert pushes.look(timedelta(hours=1)) == []
    assert pushes.look(timedelta(hours=1)) == ["stale"]
    assert pushes.look(timedelta(hours=9)) == []
    assert "No push has ended with exit 0 or 3 since 2026-11-23 18:15 UTC, 2 h ago." in server.alerts[-1].message
    assert pushes.end(5) == []  # it stays stale
    assert pushes.end(3, withheld=1, withheld_new=1) == ["attention"]
    assert pushes.end(2) == ["failed"]
    assert pushes.look(timedelta(hours=3)) == ["stale"]
    assert pushes.end(0) == ["good"]


def test_a_channel_that_never_ran_is_stale_from_the_first_look_on(shop: Shop, server: AlertServer) -> None:
    pushes = Pushes(channel_with(shop, "hours_since_success = 2"), shop.data, server)
    assert pushes.look() == []
    assert pushes.look(timedelta(hours=2)) == []
    assert pushes.look(timedelta(minutes=1)) == ["stale"]


def test_without_a_record_the_first_look_finds_a_push_that_is_too_old(shop: Shop, server: AlertServer) -> None:
    """Alerts that were added later, or whose file was deleted: the age is that of the push and not of the look."""
    shop.run("push")
    pushes = Pushes(channel_with(shop, "hours_since_success = 2"), shop.data, server)
    pushes.at = utc_now() + timedelta(hours=1)
    assert pushes.look() == []
    (shop.data / "demo" / "alerts.json").unlink()
    assert pushes.look(timedelta(hours=1)) == ["stale"]


def test_max_age_is_the_limit_where_the_file_has_none(shop: Shop, channel: Channel, server: AlertServer) -> None:
    pushes = Pushes(channel, shop.data, server)
    assert pushes.end(0) == []
    assert pushes.look(timedelta(hours=5)) == []
    assert pushes.look(max_age=timedelta(hours=4)) == ["stale"]
    assert pushes.end(0) == ["good"]
    pushes.channel = channel_with(shop, "hours_since_success = 24")
    assert pushes.look(timedelta(hours=5), max_age=timedelta(hours=4)) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sent": "x"}', '{"good_at": 1e999}', "\0" * 9, "\xff"])
def test_a_damaged_file_is_replaced_and_counts_as_good(pushes: Pushes, content: str) -> None:
    assert pushes.end(2) == ["failed"]
    file = pushes.data / "demo" / "alerts.json"
    file.write_text(content, "latin-1")
    assert pushes.end(2) == ["failed"]
    assert pushes.end(2) == []
    file.write_text(content, "latin-1")
    assert pushes.end(0) == []


def test_the_file_is_for_its_owner_alone(pushes: Pushes) -> None:
    pushes.end(2)
    folder = pushes.data / "demo"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("alerts.*")} == {
        "alerts.json": 0o600, "alerts.lock": 0o600,
    }  # fmt: skip


def test_a_file_that_cannot_be_written_does_not_keep_a_message_back(
    pushes: Pushes, caplog: pytest.LogCaptureFixture
) -> None:
    (pushes.data / "demo" / "alerts.json").mkdir(parents=True)
    assert pushes.end(2) == ["failed"]
    assert pushes.end(2) == ["failed"]
    assert "the next run may send the same alert" in caplog.text


def test_without_a_data_folder_the_message_is_sent_anyway(
    channel: Channel, server: AlertServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert Pushes(channel, tmp_path / "file", server).end(2) == ["failed"]
    assert "alerts cannot be recorded" in caplog.text


def test_a_look_leaves_the_alert_to_the_process_that_sends_it(pushes: Pushes) -> None:
    assert pushes.end(0) == []
    with FileLock(pushes.data / "demo" / "alerts.lock"):
        assert pushes.look(timedelta(hours=5), max_age=timedelta(hours=1)) == []
    assert pushes.look(max_age=timedelta(hours=1)) == ["stale"]


def test_the_message_of_a_failed_push(shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error from before the run names settings alone, so that it is quoted. Another one may quote a row."""
    pushes = Pushes(channel_with(shop, 'page = "https://sync.shop.example/"'), shop.data, server)
    watch = RunWatch(pushes.channel, pushes.data, ["products"])
    watch.failed(ConfigError("The secret MYOGO_TOKEN is not set.", "Set it, for example: export MYOGO_TOKEN=..."))
    lines = server.alerts[0].message.splitlines()
    assert "The secret MYOGO_TOKEN is not set." in lines
    assert "Set it, for example: export MYOGO_TOKEN=..." in lines
    assert f"centra-myogo check {shop.file}" in lines
    assert f"centra-myogo push {shop.file} --flow products" in lines
    assert lines[-1] == "https://sync.shop.example/demo"
    assert pushes.end(0) == ["good"]
    assert pushes.end(4, error=UnsafePlan("Aino Mäkelä would change.", "Look at Aino Mäkelä.")) == ["failed"]
    message = server.alerts[-1].message
    assert "LIMIT-001: A safety limit, a catalogue check or a fingerprint refused the plan" in message
    assert f"centra-myogo plan {shop.file} --all" in message
    assert "Aino" not in message
    assert pushes.end(0) == ["good"]
    pushes.end(5, error=SourceError("Aino Mäkelä, Hämeentie 12"))
    assert pushes.end(5, error=SourceError("Aino Mäkelä, Hämeentie 12")) == ["failed"]
    assert "SOURCE-001: A system we read from gave no usable answer" in server.alerts[-1].message
    assert "Aino" not in server.alerts[-1].message
    assert pushes.end(1) == []
    watch = RunWatch(pushes.channel, pushes.data, [])
    assert pushes.end(0) == ["good"]
    watch.failed(KeyError("Aino"))
    message = server.alerts[-1].message
    assert f"centra-myogo --log debug push {shop.file}" in message
    assert "Aino" not in message


def test_an_unknown_flow_is_a_failure_of_the_channel(channel: Channel, shop: Shop, server: AlertServer) -> None:
    RunWatch(channel, shop.data, ["nope"]).failed(ConfigError("There is no flow 'nope'.", "Give another."))
    assert server.titles == ["demo: failed"]


def test_the_command_names_the_channel_of_the_project(
    shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "channels").mkdir()
    monkeypatch.setattr(Shop, "file", tmp_path / "channels" / "web-shop.toml")
    pushes = Pushes(channel_with(shop), shop.data, server)
    pushes.end(2)
    assert "centra-myogo check web-shop" in server.alerts[0].message.splitlines()
    pushes.data = tmp_path / "elsewhere"
    pushes.end(2)
    command = f"centra-myogo check web-shop --data {tmp_path / 'elsewhere'}"
    assert command in server.alerts[1].message.splitlines()


def test_a_message_that_no_target_took_is_sent_after_the_next_push(
    pushes: Pushes, server: AlertServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.status = 500
    assert pushes.end(3, withheld=1, withheld_new=1) == ["attention"]  # it arrived, and was refused
    assert warnings(caplog) == ["the target in ALERT_URL did not take the alert; run check for this channel"]
    server.status = 200
    assert pushes.end(3, withheld=1, unknown=1) == ["attention"]
    assert pushes.end(3, withheld=1, unknown=1) == []


def test_one_target_that_takes_the_message_is_enough(
    shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The others: one that nobody listens on, one that apprise does not know, one that is not set, the first again."""
    monkeypatch.setenv("REFUSES", f"json://127.0.0.1:{closed_port()}/{TOKEN}")
    monkeypatch.setenv("NONSENSE", f"nonsense://{TOKEN}")
    monkeypatch.setattr(
        sys.modules[__name__], "TWO_FLOWS",
        TWO_FLOWS.replace("[{", '[{ env = "REFUSES" }, { env = "NONSENSE" }, { env = "NOT_SET" }, '
                                '{ env = "ALERT_URL" }, {'),
    )  # fmt: skip
    pushes = Pushes(channel_with(shop), shop.data, server)
    assert pushes.end(2) == ["failed"]
    assert pushes.end(2) == []
    assert ["NONSENSE" in warnings(caplog)[0], "NOT_SET" in warnings(caplog)[1], "REFUSES" in warnings(caplog)[2]] == [
        True, True, True,
    ]  # fmt: skip
    assert (len(warnings(caplog)), TOKEN in caplog.text) == (3, False)


def test_a_target_that_hangs_is_given_up(
    pushes: Pushes, server: AlertServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(alert_delivery, "LONGEST_S", 0.2)
    server.hangs = True
    pushes.end(2)
    assert "the target in ALERT_URL did not answer within 0.2 s" in caplog.text
    assert TOKEN not in caplog.text


def test_without_the_extra_a_push_logs_one_warning(
    pushes: Pushes, server: AlertServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert pushes.end(2) == []
    (warning,) = warnings(caplog)
    assert "centra-myogo[alerts]" in warning
    monkeypatch.undo()
    monkeypatch.setenv("ALERT_URL", server.alert_url)
    assert pushes.end(2) == ["failed"]


def test_a_bug_in_an_alert_is_one_warning(
    pushes: Pushes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pipelines.reports.alerts.body", lambda *_: 1 / 0)
    assert pushes.end(2) == []
    assert warnings(caplog) == ["no alert was sent for channel=demo: ZeroDivisionError"]


@pytest.mark.parametrize("code", range(7))
def test_the_heartbeat_has_a_start_and_an_end(shop: Shop, server: AlertServer, code: int) -> None:
    """Nothing at the end of a push that another run kept from running."""
    watch = RunWatch(heartbeat_channel(shop), shop.data, [])
    run = RunResult("demo", "20261123T180000-000000", "push", NOW, exit_code=code)
    run.begin("products")
    run.flows["products"]["read"] = 7
    watch.ended(run)
    end = {0: [("POST", "")], 3: [("POST", "")], 6: []}.get(code, [("POST", "/fail")])
    assert server.pings == [("GET", "/start"), *end] or (code == 6 and server.pings == [])
    if code != 6:
        assert server.received[-1].body == (
            f"exit {code} ok run 20261123T180000-000000\nproducts: read=7 withheld=0 withheld_new=0 create=0 "
            "update=0 applied=0 refused=0 unknown=0 not_attempted=0\n"
        )


def heartbeat_channel(shop: Shop) -> Channel:
    shop.file.write_text(shop.text + '[alerts]\nheartbeat = { env = "HEARTBEAT_URL" }', "utf-8")
    return shop.channel()


def test_a_heartbeat_that_hangs_delays_neither_the_start_nor_the_end(
    shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "LONGEST_S", 0.2)
    server.hangs = True
    watch = RunWatch(heartbeat_channel(shop), shop.data, [])
    watch.ended(RunResult("demo", "", "push", NOW))
    assert "the heartbeat address in HEARTBEAT_URL did not answer" in caplog.text
    assert HEARTBEAT_ID not in caplog.text


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_heartbeat_that_is_not_taken_is_a_warning(
    shop: Shop, server: AlertServer, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A redirect too: the address is a secret, and is sent to no other host."""
    server.status = status
    RunWatch(heartbeat_channel(shop), shop.data, []).ended(RunResult("demo", "", "push", NOW))
    assert warnings(caplog) == [f"the heartbeat address in HEARTBEAT_URL answered HTTP {status}"]
    assert HEARTBEAT_ID not in caplog.text


@pytest.mark.parametrize(
    "url",
    [f"http://127.0.0.1:{closed_port()}/{HEARTBEAT_ID}", "nonsense", None],
    ids=["nothing listens there", "no address", "not set"],
)
def test_a_heartbeat_address_that_cannot_be_used_is_a_warning(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str | None
) -> None:
    monkeypatch.delenv("HEARTBEAT_URL", raising=False)
    if url:
        monkeypatch.setenv("HEARTBEAT_URL", url)
    alerts = heartbeat_channel(shop).alerts
    assert alerts is not None
    beat = Heartbeat(alerts.heartbeat)
    beat.start()
    beat.end(RunResult("demo", "", "push", NOW))
    beat.wait()
    assert "HEARTBEAT_URL" in caplog.text
    assert HEARTBEAT_ID not in caplog.text
