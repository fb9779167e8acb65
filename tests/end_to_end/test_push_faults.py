"""Pushing with failing answers: nothing is done twice, each outcome is true, one more run completes the rest."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.core.errors import ConfigError, TargetUnknown
from pipelines.engine.plan import Plan
from pipelines.engine.push import Pushed, push
from pipelines.sandbox import Sandbox
from pipelines.state.journal import Journal
from pipelines.state.run_result import RunResult
from pipelines.systems.myogo.oauth import OAuthTokenProvider
from pipelines.systems.myogo.product_target import ProductTarget
from tests.support.shop import Shop, catalogue, euro, shop_in, size
from tests.support.shop_helpers import (
    FOREVER,
    OtherHost,
    add_system_key,
    calls,
    create,
    held,
    journal,
    myogo_of,
    oracle,
    push_of,
    replace_secret,
    synced,
    update,
    writes,
)

NEW = size(1, sku="NEW", ean="7312345678909")
OLD = size(2, sku="OLD", prices=[euro("20.00")])
OTHER = size(3, sku="OTHER")
STALE = {"code": "OLD", "name": "Parka Blue S", "salesPrice": Decimal("19.50"), "infoUrl": "https://x.test/old"}

# The fault, our requests about that code in their order, and the outcome.
POSTS = [
    pytest.param({"kind": "drop"}, ["GET", "POST", "GET"], "unknown", id="dropped before it was served"),
    pytest.param({"kind": "drop_after"}, ["GET", "POST", "GET"], "applied", id="dropped after it was served"),
    pytest.param({"kind": "hang", "seconds": 60}, ["GET", "POST", "GET"], "unknown", id="hangs, not served"),
    pytest.param({"kind": "hang_after", "seconds": 60}, ["GET", "POST", "GET"], "applied", id="hangs, served"),
    pytest.param({"kind": "status", "status": 500}, ["GET", "POST", "GET", "POST"], "applied", id="500, not served"),
    pytest.param({"kind": "status", "status": 503}, ["GET", "POST", "GET", "POST"], "applied", id="503, not served"),
    pytest.param({"kind": "status_after", "status": 500}, ["GET", "POST", "GET"], "applied", id="500, but served"),
    pytest.param({"kind": "status_after", "status": 503}, ["GET", "POST", "GET"], "applied", id="503, but served"),
    pytest.param({"kind": "status", "status": 504}, ["GET", "POST", "GET"], "unknown", id="504, not served"),
    pytest.param({"kind": "status_after", "status": 504}, ["GET", "POST", "GET"], "applied", id="504, but served"),
    pytest.param({"kind": "html"}, ["GET", "POST", "GET"], "unknown", id="html 200"),
    pytest.param({"kind": "body", "body": {}}, ["GET", "POST", "GET"], "unknown", id="200 with an empty object"),
    pytest.param(
        {"kind": "body", "body": {"code": "ELSE"}}, ["GET", "POST", "GET"], "unknown", id="200 with another code"
    ),
    pytest.param({"kind": "truncated"}, ["GET", "POST", "GET"], "applied", id="truncated"),
    pytest.param({"kind": "wrong_length"}, ["GET", "POST", "GET"], "applied", id="body shorter than its length"),
    pytest.param({"kind": "reset_body"}, ["GET", "POST", "GET"], "applied", id="reset in the answer"),
    pytest.param({"kind": "status", "status": 400}, ["GET", "POST", "GET"], "refused", id="400"),
    pytest.param({"kind": "status_after", "status": 400}, ["GET", "POST", "GET"], "applied", id="400, but created"),
    pytest.param({"kind": "status", "status": 409}, ["GET", "POST", "GET"], "refused", id="409"),
    pytest.param({"kind": "status", "status": 422}, ["GET", "POST", "GET"], "refused", id="422"),
    pytest.param({"kind": "status_after", "status": 302}, ["GET", "POST", "GET"], "applied", id="302, but created"),
    pytest.param({"kind": "status", "status": 429}, ["GET", "POST", "POST"], "applied", id="429"),
    pytest.param({"kind": "revoke_tokens"}, ["GET", "POST", "POST"], "applied", id="401"),
    pytest.param({"kind": "slow", "seconds": 0.1}, ["GET", "POST"], "applied", id="slow"),
]
PUTS = [
    pytest.param({"kind": "drop"}, ["GET", "PUT", "PUT"], "applied", id="dropped before it was served"),
    pytest.param({"kind": "drop_after"}, ["GET", "PUT", "PUT"], "applied", id="dropped after it was served"),
    pytest.param({"kind": "hang", "seconds": 60}, ["GET", "PUT", "PUT"], "applied", id="hangs, not served"),
    pytest.param({"kind": "status", "status": 500}, ["GET", "PUT", "PUT"], "applied", id="500, not served"),
    pytest.param({"kind": "status_after", "status": 500}, ["GET", "PUT", "PUT"], "applied", id="500, but served"),
    pytest.param({"kind": "html"}, ["GET", "PUT", "GET"], "unknown", id="html 200"),
    pytest.param({"kind": "body", "body": {}}, ["GET", "PUT", "GET"], "unknown", id="200 with an empty object"),
    pytest.param({"kind": "truncated"}, ["GET", "PUT", "GET"], "applied", id="truncated"),
    pytest.param({"kind": "wrong_length"}, ["GET", "PUT", "PUT"], "applied", id="body shorter than its length"),
    pytest.param({"kind": "reset_body"}, ["GET", "PUT", "PUT"], "applied", id="reset in the answer"),
    pytest.param({"kind": "status", "status": 400}, ["GET", "PUT", "GET"], "refused", id="400"),
    pytest.param({"kind": "status_after", "status": 400}, ["GET", "PUT", "GET"], "applied", id="400, but stored"),
    pytest.param({"kind": "status", "status": 404}, ["GET", "PUT", "GET"], "refused", id="404"),
    pytest.param({"kind": "status_after", "status": 302}, ["GET", "PUT", "GET"], "applied", id="302, but stored"),
    pytest.param({"kind": "status", "status": 429}, ["GET", "PUT", "PUT"], "applied", id="429"),
    pytest.param({"kind": "revoke_tokens"}, ["GET", "PUT", "PUT"], "applied", id="401"),
]


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    """One size to create, one to update, one more to create; one request at a time."""
    shop = shop_of(NEW, OLD, OTHER, myogo=[STALE])
    shop.edit("max_in_flight       = 4", "max_in_flight       = 1")
    return shop


@dataclass(frozen=True)
class Scenario:
    """Three pushes of one shop; in the first, each faulty product meets a different fault."""

    calls: dict[str, list[str]]
    outcomes: dict[str, str]
    reports: list[RunResult]
    goal: dict[str, Any]
    reached: dict[str, Any]
    writes_of_third_push: list[str]


def _run_scenario(folder: Path, cases: Sequence[Any], method: str) -> Scenario:
    # Two products without a fault follow each faulty one: too many unknown ones in a row would stop the push.
    sizes = [size(n, sku=_code(n), prices=[euro("20.00")]) for n in range(1, 3 * len(cases) + 1)]
    held_products = [{**STALE, "code": one["sku"]} for one in sizes] if method == "PUT" else []
    with Sandbox.start(catalogue(*sizes, myogo=held_products)) as box:
        shop = shop_in(box, folder)
        shop.edit("max_update_share = 0.75", "max_update_share = 1.0")
        shop.edit("max_in_flight       = 4", "max_in_flight       = 1")
        add_system_key(shop, "myogo", "read_timeout_s = 3")
        box.switch("myogo", duplicate_post="duplicate", omitted_on_put="clear")
        for number, case in enumerate(cases):
            box.add_fault(side="myogo", method=method, contains=f'"{_code(3 * number + 1)}"', **case.values[0])
        reports = [shop.run("push")]
        methods_by_code = {one["sku"]: [line.split()[0] for line in calls(shop, about=one["sku"])] for one in sizes}
        outcomes = {key: outcome for key, _, outcome in journal(shop)}
        reports.append(shop.run("push"))
        box.clear_requests()
        reports.append(shop.run("push"))
        info_urls = {product["infoUrl"] for product in box.myogo_products()}
        assert info_urls == ({STALE["infoUrl"]} if held_products else {None})
        return Scenario(methods_by_code, outcomes, reports, oracle(*sizes), synced(shop), writes(shop))


def _code(number: int) -> str:
    return f"CODE-{number:03}"


@pytest.fixture(scope="module")
def scenario_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Scenario]:
    """Runs the scenario of all creates ("POST") or all updates ("PUT") once, and caches it."""

    @functools.cache
    def run(method: str) -> Scenario:
        return _run_scenario(tmp_path_factory.mktemp(method), POSTS if method == "POST" else PUTS, method)

    return run


def _cases(cases: Sequence[Any], method: str) -> list[Any]:
    return [
        pytest.param(method, _code(3 * number + 1), *case.values[1:], id=f"{method}, {case.id}")
        for number, case in enumerate(cases)
    ]


@pytest.mark.parametrize(("method", "code", "expected", "outcome"), [*_cases(POSTS, "POST"), *_cases(PUTS, "PUT")])
def test_a_write_with_a_failing_answer_has_the_expected_requests_and_outcome(
    scenario_of: Callable[[str], Scenario], method: str, code: str, expected: list[str], outcome: str
) -> None:
    """Before a POST its code is looked up, and again after an unclear answer, before any other request.

    A PUT of the same object may be repeated; if its answers prove nothing, a look-up decides.
    """
    scenario = scenario_of(method)
    assert scenario.calls[code] == expected
    assert scenario.outcomes[code] == outcome


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_one_more_push_completes_what_failed(scenario_of: Callable[[str], Scenario], method: str) -> None:
    """Here myOGO accepts a code twice and clears fields that a PUT leaves out, so the push itself must prevent both."""
    scenario = scenario_of(method)
    first, second, third = scenario.reports
    assert first.exit_code == 3
    assert first.counts["unknown"] == sum(end == "unknown" for end in scenario.outcomes.values()) > 0
    assert first.counts["refused"] == sum(end == "refused" for end in scenario.outcomes.values()) > 0
    assert (second.exit_code, second.counts["applied"]) == (0, first.counts["unknown"] + first.counts["refused"])
    assert third.counts["unchanged"] == len(scenario.goal)
    assert scenario.writes_of_third_push == []
    assert scenario.reached == scenario.goal


@pytest.mark.parametrize("duplicate_post", [400, 409, "upsert", "duplicate"])
@pytest.mark.parametrize("kind", ["drop_after", "status_after", "truncated"])
def test_a_lost_create_is_never_doubled(shop: Shop, kind: str, duplicate_post: Any) -> None:
    """For each answer of myOGO to a duplicate code."""
    shop.box.switch("myogo", duplicate_post=duplicate_post)
    shop.box.add_fault(side="myogo", kind=kind, method="POST", path="/Products", times=2)
    pushed, _ = push_of(shop, create("A"), create("B"), create("C"))
    assert pushed.counts["applied"] == 3
    assert sorted(held(shop)) == ["A", "B", "C", "OLD"]


def test_a_code_created_by_hand_meanwhile_is_not_overwritten(shop: Shop) -> None:
    """The product was created between our read and our write: the create is refused, and the next run compares it."""
    shop.box.add_fault(side="myogo", kind="empty_page", path="/Products?limit", times=2)
    report = shop.run("push")
    assert report.exit_code == 3
    assert ("OLD", "create", "refused") in journal(shop)
    assert calls(shop, about="OLD") == ["GET OLD"]
    assert held(shop)["OLD"]["salesPrice"] == Decimal("19.50")
    assert shop.run("push").counts["update"] == 1
    assert synced(shop) == oracle(NEW, OLD, OTHER)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_redirect_stops_the_push_and_nothing_is_sent_on(shop: Shop, method: str) -> None:
    with OtherHost() as other:
        shop.box.add_fault(
            side="myogo", kind="redirect", status=307, method=method, contains="code", location=other.url, times=FOREVER
        )
        change = create("A") if method == "POST" else update("OLD", name="Other")
        pushed, _ = push_of(shop, change, create("B"), create("C"))
        assert other.received == []
    assert pushed.stopped is not None
    assert (pushed.stopped.exit_code, pushed.stopped.outcome) == (2, "config")
    assert pushed.counts["not_attempted"] >= 1


@pytest.mark.parametrize(
    "product",
    [
        pytest.param({"name": "Elsewise"}, id="with a name"),
        pytest.param({"languageCode": None}, id="without a language, as the warehouse makes them"),
        pytest.param({"supplyPrice": Decimal("7.25"), "currencyCode": "USD"}, id="with a supply price"),
        pytest.param({"supplierCode": "S-1", "infoUrl": "https://x.test/å"}, id="with fields that we do not write"),
    ],
)
@pytest.mark.parametrize("omitted", ["keep", "clear"])
@pytest.mark.parametrize("nulls", ["yes", "no"])
def test_an_update_sends_the_complete_product(shop: Shop, product: dict[str, Any], omitted: str, nulls: str) -> None:
    """Fields that we do not write stay as they were, whether myOGO keeps or clears what a PUT leaves out."""
    shop.box.put_myogo_product({"code": "OLD", "languageCode": "sv", "stock": 7} | product)
    shop.box.switch("myogo", omitted_on_put=omitted, emit_nulls=nulls, extra_fields=True)
    before = held(shop)["OLD"]
    push_of(shop, update("OLD", sales_price=Decimal("20.00")))
    after = held(shop)["OLD"]
    put = next(entry for entry in shop.box.requests("myogo") if entry["method"] == "PUT")
    assert "base64url=true" in put["query"]
    assert put["path"] == "/api/v1/Products/T0xE"
    assert put["body"]["batchTracked"] is False
    assert not put["body"].keys() & {"id", "stock", "stockAvailable", "reserved", "editTime"}
    assert after.pop("salesPrice") == 20
    assert after.pop("languageCode") == (before["languageCode"] or "en")
    assert after == {name: value for name, value in before.items() if name in after} | {"editTime": after["editTime"]}


UNUSUAL_CODES = ["A+B 10%", "ÅÄÖ-ß-日本", "A?b=c&d", "A#1", "'; DROP--", "A\u00a0B", "💥", "A%2FB", ".", ".."]


@pytest.mark.parametrize("code", UNUSUAL_CODES, ids=ascii)
def test_codes_with_unusual_characters_arrive_unchanged(shop: Shop, code: str) -> None:
    """The create, the look-up after a lost answer and the update use exactly this code."""
    shop.box.add_fault(side="myogo", kind="drop_after", method="POST", path="/Products")
    assert push_of(shop, create(code))[0].counts["applied"] == 1
    assert push_of(shop, update(code, name="Renamed"))[0].counts["applied"] == 1
    assert {held_code: product["name"] for held_code, product in held(shop).items()} == {
        "OLD": "Parka Blue S",
        code: "Renamed",
    }


def test_an_ean_of_myogo_is_never_changed(shop_of: Callable[..., Shop]) -> None:
    """The difference is reported as drift, also when the product is updated for another reason."""
    shop = shop_of(
        size(1, ean="7312345678909"),
        size(2, ean="7312345678916"),
        myogo=[
            {"code": "SKU1", "eanCode": "111", "name": "Old", "salesPrice": 1},
            {"code": "SKU2", "eanCode": "222", "name": "Old", "salesPrice": 1},
        ],
    )
    report = shop.run("push")
    assert (report.counts["update"], report.counts["drifted"]) == (2, 2)
    puts = [entry["body"] for entry in shop.box.requests("myogo") if entry["method"] == "PUT"]
    assert sorted(body["eanCode"] for body in puts) == ["111", "222"]
    assert {p["eanCode"] for p in shop.box.myogo_products()} == {"111", "222"}
    assert shop.run("push").counts["unchanged"] == 2


def test_an_ean_that_myogo_lacks_is_filled(shop_of: Callable[..., Shop]) -> None:
    eans = {1: "7312345678909", 2: "7312345678916"}
    held_blank = [{"code": "SKU1", "eanCode": None}, {"code": "SKU2", "eanCode": ""}]
    shop = shop_of(*(size(n, ean=ean) for n, ean in eans.items()), myogo=held_blank)
    assert shop.run("push").counts["update"] == 2
    assert {product["eanCode"] for product in shop.box.myogo_products()} == set(eans.values())
    assert shop.run("push").counts["unchanged"] == 2


def test_an_ean_added_in_myogo_meanwhile_stays(shop: Shop) -> None:
    """The EAN was planned; then the warehouse added one between our read and our write."""
    shop.box.change_myogo_product("OLD", eanCode="999")
    pushed, _ = push_of(shop, update("OLD", ean_code="7312345678909"))
    assert pushed.counts["applied"] == 1
    assert writes(shop) == []


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([], id="deleted"),
        pytest.param([{"code": "OLD"}, {"code": "OLD"}], id="duplicated"),
        pytest.param([{"code": "old"}], id="only the lower-case code exists"),
    ],
)
def test_a_product_that_changed_its_code_meanwhile_is_refused(shop: Shop, found: list[Any]) -> None:
    shop.box.add_fault(side="myogo", kind="body", path="code=OLD", body=found)
    _, outcomes = push_of(shop, update("OLD", name="Other"), create("NEW"))
    assert outcomes == {"OLD": "refused", "NEW": "applied"}
    assert writes(shop) == ["POST NEW"]


def test_a_refused_product_does_not_stop_the_others(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(*(size(n) for n in range(1, 8)))
    shop.box.add_fault(side="myogo", kind="status", status=400, contains='"SKU3"', times=FOREVER)
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (3, "attention")
    assert (report.counts["applied"], report.counts["refused"]) == (6, 1)
    assert dict((key, end) for key, _, end in journal(shop))["SKU3"] == "refused"
    assert "Bad Request" in str(shop.sql("select message from sync.journal where key = 'SKU3'"))


def test_a_refusal_with_lone_surrogates_is_recorded(shop_of: Callable[..., Shop]) -> None:
    """Lone surrogates are replaced, so that the message can be stored and printed; the outcome stays refused."""
    shop = shop_of(size(1))
    body = r'{"statusCode": 400, "message": "Too long: \ud83d"}'
    shop.box.add_fault(
        side="myogo", kind="status", status=400, method="POST", path="/Products", body=body, times=FOREVER
    )
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (3, "attention"), report.message
    assert shop.sql("select outcome, message from sync.journal") == [("refused", "HTTP 400: Too long: ?")]


def test_an_update_that_would_change_a_lone_surrogate_is_not_sent(shop: Shop) -> None:
    """A field that we do not write holds a lone surrogate; to send it back repaired would change it."""
    body = r'[{"code": "OLD", "name": "Old", "languageCode": "en", "supplierCode": "x\ud83d"}]'
    shop.box.add_fault(side="myogo", kind="status", status=200, path="code=OLD", body=body, times=FOREVER)
    pushed, outcomes = push_of(shop, update("OLD", name="Other"), create("NEW"))
    assert outcomes == {"OLD": "refused", "NEW": "applied"}
    assert "an incomplete character" in pushed.messages[0]
    assert writes(shop) == ["POST NEW"]


TWELVE = [create(f"C{number:02}") for number in range(12)]


def _push_with_failing_target(shop: Shop, **fault: Any) -> Pushed:
    """A push of twelve creates; the third and all later ones meet the fault."""
    shop.box.add_fault(side="myogo", skip=2, method="POST", path="/Products", times=FOREVER, **fault)
    pushed, _ = push_of(shop, *TWELVE)
    assert pushed.counts["applied"] == 2
    assert sorted(held(shop)) == ["C00", "C01", "OLD"]
    return pushed


@pytest.mark.parametrize(
    ("fault", "unknown"),
    [
        pytest.param({"kind": "status", "status": 503}, 0, id="503"),
        pytest.param({"kind": "status", "status": 429}, 0, id="429"),
        pytest.param({"kind": "status", "status": 429, "headers": {"Retry-After": "9999"}}, 0, id="429 for hours"),
        pytest.param({"kind": "drop"}, 5, id="no answer, five in a row"),
        pytest.param({"kind": "status", "status": 504}, 5, id="504, five in a row"),
        pytest.param({"kind": "html"}, 5, id="html, five in a row"),
    ],
)
def test_an_unavailable_target_stops_the_push(shop: Shop, fault: dict[str, Any], unknown: int) -> None:
    pushed = _push_with_failing_target(shop, **fault)
    assert pushed.stopped is not None
    assert (pushed.stopped.exit_code, pushed.stopped.outcome) == (5, "unavailable")
    # A request that started before the fifth unknown outcome is finished too.
    assert pushed.counts["unknown"] in (unknown, unknown + bool(unknown))


def test_a_run_with_an_unavailable_target_ends_with_5(shop: Shop) -> None:
    """Finished changes are reported, the others are not attempted, and the next run applies them."""
    shop.box.add_fault(side="myogo", kind="status", status=503, method="POST", path="/Products", skip=1, times=FOREVER)
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (5, "unavailable")
    assert (report.counts["applied"], report.counts["not_attempted"]) == (1, 2)
    shop.box.clear_faults()
    assert shop.run("push").exit_code == 0
    assert synced(shop) == oracle(NEW, OLD, OTHER)


@pytest.mark.parametrize(("status", "ends_with"), [(503, 5), (403, 2)])
def test_a_target_that_also_fails_look_ups_leaves_one_change_unknown(shop: Shop, status: int, ends_with: int) -> None:
    """The answer to a create is lost and its look-up fails: that change is unknown, no other is attempted."""
    shop.box.add_fault(side="myogo", kind="status", status=status, path="code=", skip=3, times=FOREVER)
    pushed = _push_with_failing_target(shop, kind="drop")
    assert (pushed.counts["unknown"], pushed.counts["not_attempted"]) == (1, 9)
    assert pushed.stopped is not None
    assert pushed.stopped.exit_code == ends_with
    assert "Looking it up failed" in pushed.stopped.message


class JumpingClock:
    """Returns 0 at the first call and a much later time after that."""

    calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return 0.0 if self.calls == 1 else 10_000.0


def test_an_update_is_unknown_if_its_token_cannot_be_renewed_before_the_retry(shop: Shop) -> None:
    """The PUT was served and its answer lost; the token endpoint fails before the retry."""
    shop.box.add_fault(side="myogo", kind="status", status=503, path="/OAuth/Token", skip=1, times=FOREVER)
    shop.box.add_fault(side="myogo", kind="drop_after", method="PUT")
    with myogo_of(shop) as client:
        client.tokens = OAuthTokenProvider(client.config, clock=JumpingClock())
        with pytest.raises(TargetUnknown):
            client.update_product("OLD", {"code": "OLD", "languageCode": "en", "salesPrice": 20})
    assert held(shop)["OLD"]["salesPrice"] == 20


@pytest.mark.parametrize(
    ("method", "fault", "allowed"),
    [
        pytest.param("POST", {"kind": "drop"}, 1, id="POST without an answer"),
        pytest.param("POST", {"kind": "status", "status": 504}, 1, id="POST, 504"),
        pytest.param("POST", {"kind": "status", "status": 400}, 1, id="POST, 400"),
        pytest.param("POST", {"kind": "status", "status": 500}, 3, id="POST, 500, looked up in between"),
        pytest.param("POST", {"kind": "status", "status": 429}, 4, id="POST, 429"),
        pytest.param("PUT", {"kind": "drop"}, 4, id="PUT without an answer"),
        pytest.param("PUT", {"kind": "status", "status": 500}, 4, id="PUT, 500"),
        pytest.param("PUT", {"kind": "status", "status": 400}, 1, id="PUT, 400"),
    ],
)
def test_the_retry_budget_is_kept(shop: Shop, method: str, fault: dict[str, Any], allowed: int) -> None:
    """`attempts` bounds every call; a POST is sent again only after an answer that says it was not served."""
    add_system_key(shop, "myogo", "attempts = 4")
    code = "NEW" if method == "POST" else "OLD"
    shop.box.add_fault(side="myogo", method=method, contains=f'"{code}"', times=FOREVER, **fault)
    push_of(shop, create("NEW"), update("OLD", name="Other"))
    lines = calls(shop, about=code)
    assert lines.count(f"{method} {code}") == allowed
    if allowed == 3:
        assert lines == [f"GET {code}", *[f"POST {code}", f"GET {code}"] * 3]


def test_attempts_1_allows_one_attempt(shop: Shop) -> None:
    add_system_key(shop, "myogo", "attempts = 1")
    shop.box.add_fault(side="myogo", kind="status", status=500, method="POST", contains='"NEW"', times=FOREVER)
    push_of(shop, create("NEW"))
    assert calls(shop, about="NEW") == ["GET NEW", "POST NEW", "GET NEW"]


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"created_status": 201}, id="201 for a create"),
        pytest.param({"emit_nulls": "no"}, id="nulls left out"),
        pytest.param({"extra_fields": True}, id="fields we do not know"),
        pytest.param({"codes_ignore_case": True}, id="codes in any case"),
    ],
)
def test_each_valid_answer_to_a_write_is_accepted(shop: Shop, switches: dict[str, Any]) -> None:
    shop.box.switch("myogo", **switches)
    pushed, outcomes = push_of(shop, create("NEW", ean_code="7312345678909"), update("OLD", sales_price=20))
    assert outcomes == {"NEW": "applied", "OLD": "applied"}
    assert pushed.messages == []
    assert (held(shop)["NEW"]["eanCode"], held(shop)["OLD"]["salesPrice"]) == ("7312345678909", 20)


def test_a_field_that_myogo_stores_with_another_value_is_reported(shop: Shop) -> None:
    """The product is created, so the outcome is applied with a message."""
    answer = {"code": "NEW", "name": "Nw", "salesPrice": 10, "languageCode": "en"}
    shop.box.add_fault(side="myogo", kind="body", method="POST", body=answer, path="/Products")
    pushed, _ = push_of(shop, create("NEW"))
    assert pushed.messages == ["myOGO holds other values than sent in: name"]


def test_an_update_already_made_by_hand_is_not_sent(shop: Shop) -> None:
    pushed, _ = push_of(shop, update("OLD", sales_price=Decimal("19.5")))
    assert pushed.counts["applied"] == 1
    assert writes(shop) == []


def test_an_internal_error_stops_the_push_and_is_recorded(shop: Shop) -> None:
    """A target with a bug: the change is unknown, no other is attempted, and every change is counted."""
    import tests.support.broken_target as broken

    shop.text += f'\n[flows.products]\ntarget = "{broken.__name__}:Products"\n'
    shop.file.write_text(shop.text)
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (1, "internal_error")
    assert "ZeroDivisionError" in report.message
    assert (report.counts["unknown"], report.counts["not_attempted"]) == (1, 2)
    assert [end for *_, end in journal(shop)] == ["unknown"]


def test_a_full_disk_stops_before_the_call(shop: Shop) -> None:
    """A change that cannot be journalled is not sent."""
    changes = pd.DataFrame({"action": ["create"] * 3, "key": ["A", "B", "C"], "after": ['{"code":"A"}'] * 3})
    with myogo_of(shop) as client, Journal(Path("/dev/full"), "run", "products") as full:
        pushed = push(
            Plan(changes, 0, 0, ""), ProductTarget({"myogo": client}), full, 1, lambda _: None, threading.Event()
        )
    assert pushed.counts == {"applied": 0, "refused": 0, "unknown": 0, "not_attempted": 3}
    assert isinstance(pushed.stopped, ConfigError)
    assert "journal" in pushed.stopped.message
    assert writes(shop) == []


def test_secrets_repeated_by_a_vendor_are_masked(shop: Shop) -> None:
    """The refusal contains our secret; the report does not."""
    replace_secret(shop, "client_secret", "ca/na ry&secret=1")
    shop.box.add_fault(
        side="myogo",
        kind="status",
        status=400,
        path="/OAuth",
        body={"error": "invalid_client", "error_description": "no client_secret=ca%2Fna%20ry%26secret%3D1 here"},
    )
    report = shop.run("push")
    assert report.exit_code == 2
    assert "***" in report.message
    assert "ry%26secret" not in report.message


def test_money_stays_decimal_from_json_to_json(shop: Shop) -> None:
    """Also where a float would round, and also in fields that we do not write."""
    shop.box.change_myogo_product("OLD", supplyPrice=Decimal("98765432109876.54"))
    push_of(shop, create("NEW", sales_price=Decimal("12345678901234.56")), update("OLD", name="Other"))
    assert str(held(shop)["NEW"]["salesPrice"]) == "12345678901234.56"
    assert str(held(shop)["OLD"]["supplyPrice"]) == "98765432109876.54"
