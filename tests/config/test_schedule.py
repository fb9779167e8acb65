"""`schedule` and `full_at` of a channel file: what they mean, and the message for each mistake."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config.channel import Channel
from pipelines.config.load import load
from pipelines.config.schedule import Cron, Daily, Every, Schedule, Timing, timings
from pipelines.core.errors import ConfigError

STOCKHOLM, UTC_ZONE = ZoneInfo("Europe/Stockholm"), ZoneInfo("UTC")
EXAMPLES = 'write "every 15 min", "every 2 h" or a cron line such as "*/15 6-22 * * *"'
SYSTEMS = """
[systems.centra]
base_url = "https://shop.centra.test/api/order-api"
token    = { env = "CENTRA_TOKEN" }
timezone = "Europe/Stockholm"

[systems.myogo]
base_url      = "https://api.ogoship.com"
token_url     = "https://my.ogoship.com/OAuth/Token"
client_id     = { env = "MYOGO_CLIENT_ID" }
client_secret = { env = "MYOGO_CLIENT_SECRET" }
merchant_id   = { env = "MYOGO_MERCHANT_ID" }
secret_token  = { env = "MYOGO_SECRET_TOKEN" }
"""


def channel_of(folder: Path, top: str = "", products: str = "", stock: str = "") -> Channel:
    """A channel with the flows products and stock; the arguments are lines of its file."""
    file = folder / "a.toml"
    flows = f"[flows.products]\n{products}\n[flows.stock]\n{stock}\n"
    file.write_text(f'name = "a"\n{top}\n{SYSTEMS}{flows}', "utf-8")
    return load(str(file))


def error_of(folder: Path, top: str = "", products: str = "", stock: str = "") -> str:
    """The message, without the name of the file, which it begins with."""
    with pytest.raises(ConfigError) as caught:
        channel_of(folder, top, products, stock)
    file = str(folder / "a.toml")
    assert caught.value.message.startswith(f"{file}: ")
    assert len(caught.value.message) < 300 + len(file)
    return caught.value.message.removeprefix(f"{file}: ")


def times(schedule: Schedule, start: str, count: int, zone: ZoneInfo = UTC_ZONE) -> list[str]:
    """The next times after `start` (UTC), in UTC."""
    found = []
    moment = datetime.fromisoformat(start)
    for _ in range(count):
        moment = schedule.next_after(moment, zone)
        found.append(f"{moment:%m-%d %H:%M}")
    return found


def test_without_a_schedule_no_flow_starts(tmp_path: Path) -> None:
    channel = channel_of(tmp_path)
    assert (channel.schedule, channel.full_at, channel.timings) == (None, None, [])


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("every 15 min", Every(900)),
        ("every 2 h", Every(7200)),
        ("every 1 d", Every(86_400)),
        ("every 60 min", Every(3600)),
        ("  Every  5MIN ", Every(300)),
        ("every 1 min", Every(60)),
        ("every 31 d", Every(31 * 86_400)),
        ("*/15 6-22 * * *", Cron("*/15 6-22 * * *")),
        ("0  3 * JAN mon-Fri", Cron("0 3 * jan mon-fri")),
    ],
)
def test_a_schedule_is_an_interval_or_a_cron_line(tmp_path: Path, text: str, schedule: Schedule) -> None:
    channel = channel_of(tmp_path, f'schedule = "{text}"')
    assert channel.schedule == schedule
    assert channel.timings == [Timing(schedule, ("products", "stock"))]


def test_a_schedule_as_text_is_the_shortest_form() -> None:
    assert [str(one) for one in (Every(900), Every(7200), Every(172_800), Cron("0 3 * * *"))] == [
        "every 15 min", "every 2 h", "every 2 d", "0 3 * * *",
    ]  # fmt: skip


def test_a_flow_has_its_own_schedule_or_none(tmp_path: Path) -> None:
    hourly, quarter = Every(3600), Every(900)
    own = channel_of(tmp_path, 'schedule = "every 1 h"', stock='schedule = "every 15 min"')
    assert own.timings == [Timing(hourly, ("products",)), Timing(quarter, ("stock",))]
    off = channel_of(tmp_path, 'schedule = "every 1 h"', stock='schedule = "off"')
    assert off.timings == [Timing(hourly, ("products",))]
    alone = channel_of(tmp_path, stock='schedule = "every 15 min"')
    assert alone.timings == [Timing(quarter, ("stock",))]
    top_off = channel_of(tmp_path, 'schedule = "off"', stock='schedule = "every 15 min"')
    assert (top_off.schedule, top_off.timings) == (None, alone.timings)


def test_flows_with_the_same_schedule_start_together(tmp_path: Path) -> None:
    channel = channel_of(tmp_path, products='schedule = "every 60 min"', stock='schedule = "every 1 h"')
    assert channel.timings == [Timing(Every(3600), ("products", "stock"))]


def test_full_at_is_for_all_flows_that_have_a_schedule(tmp_path: Path) -> None:
    top = 'schedule = "every 1 h"\nrefresh = "changes"\nfull_at = "03:30"'
    channel = channel_of(tmp_path, top, stock='schedule = "off"')
    (ordinary, full) = channel.timings
    assert ordinary == Timing(Every(3600), ("products",))
    assert (str(full.schedule), full.flows, full.full) == ("03:30", ("products",), True)
    assert timings({"a": None}, Daily(full.schedule.at)) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('"hourly"', f"'hourly' is not a schedule; {EXAMPLES}"),
        ('""', f"'' is not a schedule; {EXAMPLES}"),
        ("15", f"15 is not a schedule; {EXAMPLES}"),
        ("[]", f"[] is not a schedule; {EXAMPLES}"),
        ('"every 15 minutes"', f"'every 15 minutes' is not a schedule; {EXAMPLES}"),
        ('"every -5 min"', f"'every -5 min' is not a schedule; {EXAMPLES}"),
        ('"every 1.5 h"', f"'every 1.5 h' is not a schedule; {EXAMPLES}"),
        ('"every 30 s"', "'every 30 s' is too often; the shortest is \"every 1 min\""),
        ('"every 0 min"', '\'every 0 min\' is out of range; write an interval from "every 1 min" to "every 31 d"'),
        ('"every 32 d"', '\'every 32 d\' is out of range; write an interval from "every 1 min" to "every 31 d"'),
        ('"* * * *"', f"'* * * *' is not a schedule; {EXAMPLES}"),
        ('"0 * * * * *"', f"'0 * * * * *' is not a schedule; {EXAMPLES}"),
        ('"60 * * * *"', f"'60' is not valid as the minute of a cron line; {EXAMPLES}"),
        ('"*/90 * * * *"', f"'*/90' is not valid as the minute of a cron line; {EXAMPLES}"),
        ('"0 22-6 * * *"', f"'22-6' is not valid as the hour of a cron line; {EXAMPLES}"),
        ('"0 0 0 * *"', f"'0' is not valid as the day of the month of a cron line; {EXAMPLES}"),
        ('"0 0 last * *"', f"'last' is not valid as the day of the month of a cron line; {EXAMPLES}"),
        ('"0 0 * janx *"', f"'janx' is not valid as the month of a cron line; {EXAMPLES}"),
        ('"0 0 * * 8"', f"'8' is not valid as the weekday of a cron line; {EXAMPLES}"),
        ('"0 0 * * mon/0"', f"'mon/0' is not valid as the weekday of a cron line; {EXAMPLES}"),
        ('"1,,2 0 * * *"', f"'1,,2' is not valid as the minute of a cron line; {EXAMPLES}"),
        ('"0 0 30 2 *"', f"'0 0 30 2 *' names a day that no month has; {EXAMPLES}"),
    ],
)
def test_a_mistake_in_a_schedule_is_explained(tmp_path: Path, value: str, message: str) -> None:
    """At the top of the file and for a flow."""
    assert error_of(tmp_path, f"schedule = {value}") == f"schedule: {message}"
    assert error_of(tmp_path, stock=f"schedule = {value}") == f"flows.stock.schedule: {message}"


def test_a_long_wrong_schedule_is_cut_in_the_message(tmp_path: Path) -> None:
    assert f"'{'x' * 38}…" in error_of(tmp_path, f'schedule = "{"x" * 5000}"')


CHANGES = 'refresh = "changes"\nschedule = "every 1 h"\n'


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ('schedule = "every 1 h"\nfull_at = "03:30"', 'with refresh = "full" every run reads everything; '
         'remove full_at, or write refresh = "changes"'),
        ('refresh = "changes"\nfull_at = "03:30"', "no flow has a schedule; add one at the top of the file, such as "
         'schedule = "every 15 min"'),
        (f'{CHANGES}full_at = "3:30"', "'3:30' is not a time of day; write hours and minutes, such as \"03:30\""),
        (f'{CHANGES}full_at = "24:00"', "'24:00' is not a time of day; write hours and minutes, such as \"03:30\""),
        (f"{CHANGES}full_at = 03:30:00", "03:30:00 is not a time of day; write hours and minutes, such as \"03:30\""),
        (f"{CHANGES}full_at = 3", "3 is not a time of day; write hours and minutes, such as \"03:30\""),
    ],
    ids=["refresh", "no schedule", "one digit", "24", "a time of TOML", "number"],
)  # fmt: skip
def test_a_mistake_in_full_at_is_explained(tmp_path: Path, top: str, message: str) -> None:
    assert error_of(tmp_path, top) == f"full_at: {message}"


def test_full_at_without_a_flow_that_has_a_schedule(tmp_path: Path) -> None:
    off = 'schedule = "off"'
    assert error_of(tmp_path, f'{CHANGES}full_at = "03:30"', off, off).startswith("full_at: no flow has a schedule")


def test_intervals_are_counted_from_midnight_and_do_not_depend_on_the_start() -> None:
    assert times(Every(900), "2026-11-23 10:07:31", 2) == ["11-23 10:15", "11-23 10:30"]
    assert times(Every(900), "2026-11-23 10:15:00", 1) == ["11-23 10:30"]
    assert times(Every(6 * 3600), "2026-11-23 10:07", 3, STOCKHOLM) == ["11-23 11:00", "11-23 17:00", "11-23 23:00"]
    assert times(Every(86_400), "2026-11-23 10:07", 2, STOCKHOLM) == ["11-23 23:00", "11-24 23:00"]


def test_cron_lines_are_in_the_zone_of_the_channel() -> None:
    line = Cron("30 6-7 * * *")
    assert times(line, "2026-07-01 05:00", 2, STOCKHOLM) == ["07-01 05:30", "07-02 04:30"]
    assert times(line, "2026-12-01 05:00", 2, STOCKHOLM) == ["12-01 05:30", "12-01 06:30"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 0 * * 1", ["11-23", "11-30", "12-07"]),  # Mondays
        ("0 0 * * 0", ["11-29", "12-06", "12-13"]),
        ("0 0 * * 7", ["11-29", "12-06", "12-13"]),
        ("0 0 * * 5-7", ["11-27", "11-28", "11-29"]),
        ("0 0 * * fri-sun", ["11-27", "11-28", "11-29"]),
        ("0 0 * * */3", ["11-25", "11-28", "11-29"]),  # Sunday, Wednesday, Saturday
        ("0 0 1 * mon", ["11-23", "11-30", "12-01"]),  # either of them, as cron does it
        ("0 0 1 * *", ["12-01", "01-01", "02-01"]),
        ("0 0 29 feb *", ["02-29", "02-29", "02-29"]),
        ("0 0 25/5 11,dec *", ["11-25", "11-30", "12-25"]),
    ],
)
def test_days_of_a_cron_line_mean_what_they_mean_to_cron(line: str, expected: list[str]) -> None:
    """After Sunday, 2026-11-22. apscheduler alone would number the weekdays from Monday."""
    assert [one[:5] for one in times(Cron(line), "2026-11-22 12:00", 3)] == expected


def test_steps_and_lists_of_a_cron_line() -> None:
    assert times(Cron("5,*/20 * * * *"), "2026-11-22 12:00", 4) == [
        "11-22 12:05", "11-22 12:20", "11-22 12:40", "11-22 13:00",
    ]  # fmt: skip
    assert times(Cron("50/5 * * * *"), "2026-11-22 12:00", 3) == ["11-22 12:50", "11-22 12:55", "11-22 13:50"]


def test_the_nights_when_summer_time_begins_and_ends(tmp_path: Path) -> None:
    """`full_at` comes once a day; the steps of a cron line go on."""
    daily = channel_of(tmp_path, f'{CHANGES}full_at = "02:30"').full_at
    assert times(daily, "2026-03-28 12:00", 2, STOCKHOLM) == ["03-29 01:30", "03-30 00:30"]
    assert times(daily, "2026-10-24 12:00", 2, STOCKHOLM) == ["10-25 00:30", "10-26 01:30"]
    half_hours = Cron("*/30 * * * *")
    assert times(half_hours, "2026-03-29 00:30", 2, STOCKHOLM) == ["03-29 01:00", "03-29 01:30"]
    assert times(half_hours, "2026-10-25 00:30", 3, STOCKHOLM) == ["10-25 01:00", "10-25 01:30", "10-25 02:00"]


SCHEDULES = st.one_of(
    st.builds(Every, st.integers(1, 31 * 1440).map(lambda minutes: minutes * 60)),
    st.builds(Daily, st.times().map(lambda at: at.replace(second=0, microsecond=0))),
    st.sampled_from(["*/15 6-22 * * *", "0 2 * * *", "30 2 * * sun", "* * * * *", "0 0 1 * mon"]).map(Cron),
)
ZONES = st.sampled_from(["Europe/Stockholm", "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])


@given(SCHEDULES, ZONES, st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001 - UTC
def test_the_next_time_is_always_later(schedule: Schedule, zone: str, moment: datetime) -> None:
    """And no time between the two is left out: the next time after any moment before it is the same."""
    following = schedule.next_after(moment, ZoneInfo(zone))
    assert following > moment
    between = moment + (following - moment) / 2
    assert schedule.next_after(between, ZoneInfo(zone)) == following
    assert schedule.next_after(following - timedelta(microseconds=1), ZoneInfo(zone)) == following


@pytest.mark.parametrize(
    ("line", "after", "following"),
    [
        ("0 0 1 * mon", "2026-03-30 22:00", "2026-03-31 22:00"),
        ("30 2 * * sun", "2026-03-28 12:00", "2026-03-29 01:30"),
        ("30 2 * * sun", "2026-10-25 00:30", "2026-10-25 01:30"),
        ("0 12 29 2 *", "2096-03-01 00:00", "2104-02-29 11:00"),
    ],
)
def test_no_day_is_left_out_around_summer_time_and_leap_years(line: str, after: str, following: str) -> None:
    found = Cron(line).next_after(datetime.fromisoformat(after), ZoneInfo("Europe/Stockholm"))
    assert f"{found:%Y-%m-%d %H:%M}" == following


@given(st.integers(1, 44_640), st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001 - UTC
def test_two_times_of_an_interval_are_the_interval_apart(minutes: int, moment: datetime) -> None:
    found = [moment]
    for _ in range(4):
        found.append(Every(minutes * 60).next_after(found[-1], STOCKHOLM))
    assert {later - earlier for earlier, later in pairwise(found[1:])} == {timedelta(minutes=minutes)}


def test_a_channel_file_imports_no_scheduler(tmp_path: Path) -> None:
    channel_of(tmp_path, 'schedule = "*/15 6-22 * * *"')
    code = (
        "import sys\nfrom pipelines.config.load import load\n"
        f"load({str(tmp_path / 'a.toml')!r})\nprint('apscheduler' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False"]
