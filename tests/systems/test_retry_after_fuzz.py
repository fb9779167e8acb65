"""Any header text gives a finite wait or None."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipelines.systems.http.retry_after import seconds_to_wait
from tests.support.strategies import TEXT, fuzz_settings

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DATES = st.text("0123456789-+:.TZ WFSunMayOctGMT,", max_size=34)
DAMAGED = st.sampled_from(["Fri, 01 May 2026 12:00:09 GMT", "2026-05-01T12:00:09Z", "1777636809"]).flatmap(
    lambda text: st.tuples(st.just(text), st.integers(0, 28), st.text("0123456789 -+:TZ,.", max_size=3))
)


@fuzz_settings(400)
@given(TEXT | DATES | DAMAGED.map(lambda t: t[0][: t[1]] + t[2] + t[0][t[1] + 1 :]))
def test_any_header_is_a_finite_wait_or_none(value: str) -> None:
    wait = seconds_to_wait(value, NOW)
    assert wait is None or (wait >= 0 and math.isfinite(wait))
