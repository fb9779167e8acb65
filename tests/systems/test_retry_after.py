"""`Retry-After` in every format that servers use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipelines.systems.http.retry_after import seconds_to_wait

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("120", 120, id="seconds"),
        pytest.param(" 120 ", 120, id="with blanks"),
        pytest.param("0", 0, id="zero"),
        pytest.param("1.5", 1.5, id="half seconds"),
        pytest.param("-5", 0, id="negative"),
        pytest.param("1000000000", 1_000_000_000, id="largest that is no Unix time"),
        pytest.param(str(int(NOW.timestamp()) + 30), 30, id="Unix time"),
        pytest.param(str(NOW.timestamp() + 0.5), 0.5, id="Unix time with a fraction"),
        pytest.param(str(int(NOW.timestamp()) - 30), 0, id="past Unix time"),
        pytest.param("Thu, 01 Jan 2026 12:00:45 GMT", 45, id="HTTP date"),
        pytest.param("Thursday, 01-Jan-26 12:00:45 GMT", 45, id="RFC 850 date"),
        pytest.param("Thu Jan  1 12:00:45 2026", 45, id="asctime"),
        pytest.param("Thu, 01 Jan 2026 12:00:45 -0000", 45, id="zone unknown is UTC"),
        pytest.param("Thu, 01 Jan 2026 13:00:45 +0100", 45, id="HTTP date with zone"),
        pytest.param("Thu, 01 Jan 2026 11:59:00 GMT", 0, id="past HTTP date"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", 0, id="old HTTP date"),
        pytest.param("2026-01-01T12:00:45Z", 45, id="ISO date"),
        pytest.param("2026-01-01T13:00:45+01:00", 45, id="ISO date with zone"),
        pytest.param("2026-01-01 12:00:45", 45, id="ISO date without zone is UTC"),
        pytest.param("2025-12-31T12:00:00Z", 0, id="past ISO date"),
        pytest.param("0001-01-01T00:00:00+23:59", 0, id="before the first day"),
    ],
)
def test_each_format_gives_the_seconds_to_wait(value: str, seconds: float) -> None:
    assert seconds_to_wait(value, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        None, "", "  ", "soon", "NaN", "inf", "-Infinity", "1e999", "Wed", "12:00", "120s", "1,5", "0x10", "PT5S",
        "Wed, 99 Foo 2026 99:99:99 GMT", "Wed, 21 Oct 99999999999 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 +99999999",
        "2026-13-01T00:00:00Z", "1 2 3 4 5", "\x00", "9" * 400,
    ],
    ids=ascii,
)  # fmt: skip
def test_an_invalid_value_gives_none(value: str | None) -> None:
    """Not an error: the caller has its own wait."""
    assert seconds_to_wait(value, NOW) is None


def test_now_may_be_in_any_zone() -> None:
    local_now = NOW.astimezone(timezone(timedelta(hours=5)))
    assert seconds_to_wait("Thu, 01 Jan 2026 12:00:45 GMT", local_now) == 45
