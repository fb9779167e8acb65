"""Any value of `Retry-After` gives a wait or None."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.systems.http.retry_after import seconds_to_wait

quick = settings(deadline=None, database=None, max_examples=150)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PIECES = st.sampled_from(
    ["Wed", "Jan", "21", "2026", "99999999999", "07:28:00", "GMT", "+0100", "-9999", "T", "Z", ",", "-", ":", "e", " "]
)  # fmt: skip


@quick
@given(st.text(max_size=30) | st.lists(PIECES, max_size=9).map(" ".join) | st.lists(PIECES, max_size=9).map("".join))
def test_a_value_never_raises_and_never_gives_a_negative_wait(value: str) -> None:
    seconds = seconds_to_wait(value, NOW)
    assert seconds is None or 0 <= seconds < float("inf")


@quick
@given(st.integers(0, 10**6))
def test_all_formats_give_the_same_wait(seconds: int) -> None:
    moment = NOW + timedelta(seconds=seconds)
    forms = [str(seconds), format_datetime(moment, usegmt=True), moment.isoformat(), str(int(moment.timestamp()))]
    assert [seconds_to_wait(form, NOW) for form in forms] == [seconds] * 4
