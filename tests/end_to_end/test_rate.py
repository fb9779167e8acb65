"""How fast and how many at once we ask, as the servers saw it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from pipelines.core.errors import CentraMyogoError
from tests.support.shop import Shop, size
from tests.support.shop_helpers import centra_of, create, is_token, myogo_of, pages_of, push_of, secret, system_key


def moments(shop: Shop) -> list[float]:
    """When myOGO saw each request other than for tokens, in seconds."""
    entries = [entry for entry in shop.box.requests("myogo") if not is_token(entry)]
    return sorted(datetime.fromisoformat(entry["at"]).timestamp() for entry in entries)


def most_within(seen: list[float], window: float) -> int:
    return max(sum(start <= one < start + window for one in seen) for start in seen)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_the_rate_is_kept_and_used(shop_of: Callable[..., Shop], in_flight: int) -> None:
    """20 a second allowed: never more, and nine tenths of it at least, however many are in flight."""
    shop = shop_of()
    shop.edit("requests_per_second = 1000.0", "requests_per_second = 20.0")
    shop.edit("max_in_flight       = 4", f"max_in_flight       = {in_flight}")
    rates = []
    for attempt in range(3):  # a busy machine may hold us up, so the best of three must use the rate
        shop.box.clear_requests()
        push_of(shop, *(create(f"C{attempt}-{number}") for number in range(15)))
        seen = moments(shop)
        rates.append((len(seen) - 1) / (seen[-1] - seen[0]))
        assert len(seen) == 2 * 15
        assert rates[-1] <= 21.5
        assert most_within(seen, 1.0) <= 20 + 2
        if rates[-1] >= 18.0:
            break
    assert max(rates) >= 18.0


def test_retries_count_against_the_rate(shop_of: Callable[..., Shop]) -> None:
    """A storm of failures does not make us ask faster than allowed."""
    shop = shop_of()
    shop.edit("requests_per_second = 1000.0", "requests_per_second = 20.0")
    shop.box.add_fault(side="myogo", kind="status", status=500, method="PUT", times=10**6)
    system_key(shop, "myogo", "attempts = 20")
    with myogo_of(shop) as client, pytest.raises(Exception, match="HTTP 500"):
        client.update_product("A", {"code": "A"})
    assert len(moments(shop)) == 20
    assert most_within(moments(shop), 0.5) <= 10 + 2


def test_reading_keeps_the_rate(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(myogo=[{"code": f"C{number}"} for number in range(20)])
    shop.edit("requests_per_second = 1000.0", "requests_per_second = 20.0")
    pages_of(shop, 1)
    with myogo_of(shop) as client:
        assert sum(len(page) for page in client.pages("/api/v1/Products")) == 20
    assert most_within(moments(shop), 0.5) <= 10 + 2


@pytest.mark.parametrize("side", ["centra", "myogo"])
def test_pages_are_under_way_ahead_of_their_turn(shop_of: Callable[..., Shop], side: str) -> None:
    """Every answer takes 50 ms: up to four at a time take half as long, and the rows come in the same order."""
    shop = shop_of(*(size(number) for number in range(1, 41)), myogo=[{"code": f"C{number}"} for number in range(40)])
    pages_of(shop, 2)
    shop.box.switch(side, latency_ms=50)
    read, key, path = (centra_of, "sku", "/products") if side == "centra" else (myogo_of, "code", "/api/v1/Products")
    found, took = {}, {}
    for in_flight in (1, 4):
        shop.edit(f"max_in_flight       = {4 if in_flight == 1 else 1}", f"max_in_flight       = {in_flight}")
        with read(shop) as client:
            began = time.monotonic()
            found[in_flight] = [row[key] for page in client.pages(path) for row in page]
            took[in_flight] = time.monotonic() - began
        time.sleep(0.3)  # what was asked for beyond the end
    assert found[4] == found[1]
    assert len(found[4]) == 40
    assert took[4] < took[1] * 0.7


@pytest.mark.parametrize("fault", ["status", "html", "empty_page", "truncated", "drop"])
@pytest.mark.parametrize("side", ["centra", "myogo"])
def test_trouble_with_a_page_comes_out_when_its_turn_comes(shop_of: Callable[..., Shop], side: str, fault: str) -> None:
    """Whatever became of it ahead of its turn: a page is asked for again, or the list ends as it would have."""
    shop = shop_of(*(size(number) for number in range(1, 21)), myogo=[{"code": f"C{number}"} for number in range(20)])
    pages_of(shop, 2)
    read, path = (centra_of, "/products") if side == "centra" else (myogo_of, "/api/v1/Products")
    ends = {}
    for in_flight in (1, 4):
        shop.edit(f"max_in_flight       = {4 if in_flight == 1 else 1}", f"max_in_flight       = {in_flight}")
        shop.box.clear_faults()
        shop.box.add_fault(side=side, kind=fault, path="page=9", times=1)
        with read(shop) as client:
            rows = 0
            try:
                for page in client.pages(path):
                    rows += len(page)
                ends[in_flight] = rows, ""
            except CentraMyogoError as error:
                ends[in_flight] = rows, type(error).__name__
    assert ends[4] == ends[1]


def test_both_systems_are_read_at_the_same_time(shop_of: Callable[..., Shop]) -> None:
    """Ten a second each: Centra's pages take two seconds, myOGO's as long, and together no longer."""
    shop = shop_of(*(size(number) for number in range(1, 21)), myogo=[{"code": f"C{number}"} for number in range(20)])
    for rate in ("500.0", "1000.0"):
        shop.edit(f"requests_per_second = {rate}", "requests_per_second = 10.0")
    pages_of(shop, 2)
    report = shop.run("plan", force=True)
    assert report.exit_code in (0, 3, 4), report.message
    assert [health["waited_s"] > 1 for health in report.facts["health"].values()] == [True, True]
    assert report.facts["seconds"]["read myOGO"] < 1.7
    first, last = ([e["at"] for e in shop.box.requests(side)] for side in ("centra", "myogo"))
    assert min(last) < first[len(first) // 2]


def test_a_side_that_fails_does_not_wait_for_the_other(shop_of: Callable[..., Shop]) -> None:
    """myOGO does not answer for a minute; Centra turns us down at once."""
    shop = shop_of(size(1))
    shop.box.add_fault(side="myogo", kind="hang", seconds=60, path="/api/v1/Products")
    shop.box.add_fault(side="centra", kind="status", status=401, path="/products", times=9)
    began = time.monotonic()
    assert shop.run("plan").exit_code == 2
    assert time.monotonic() - began < 20
    asked = len(shop.box.requests("myogo"))
    shop.box.clear_faults()
    time.sleep(0.5)
    assert len(shop.box.requests("myogo")) == asked


def test_nobody_waits_for_centra_where_myogo_turns_us_away(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(*(size(number) for number in range(1, 41)))
    pages_of(shop, 1)
    shop.edit("requests_per_second = 500.0", "requests_per_second = 5.0")
    secret(shop, "secret_token", "wrong")
    report = shop.run("plan")
    assert (report.exit_code, "myOGO" in report.message) == (2, True), report.message
    assert len(shop.box.requests("centra")) < 20


@pytest.mark.parametrize("in_flight", [1, 3])
def test_no_more_are_in_flight_than_allowed(shop_of: Callable[..., Shop], in_flight: int) -> None:
    """Every answer takes 50 ms, so requests seen within 45 ms were under way at the same time."""
    shop = shop_of()
    shop.edit("max_in_flight       = 4", f"max_in_flight       = {in_flight}")
    shop.box.switch("myogo", latency_ms=50)
    push_of(shop, *(create(f"C{number}") for number in range(15)))
    assert most_within(moments(shop), 0.045) == in_flight


def test_many_threads_share_one_limit(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of()
    shop.edit("requests_per_second = 1000.0", "requests_per_second = 20.0")
    with myogo_of(shop) as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(client.products_with_code, [f"C{number}" for number in range(20)]))
    assert most_within(moments(shop), 0.5) <= 10 + 2
