"""Cells with more than one fault at one request: moving lists, tokens, late writes, failing look-ups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.support.shop import size
from tests.support.shop_helpers import FOREVER
from tests.torture.injection_points import BY_NAME, INJECTION_POINTS, InjectionPoint
from tests.torture.product_environment import DOLLARS, SENT_FIELDS, ProductEnvironment

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """The set-up before a run with faults, and the exit codes that the run may have.

    `moving`: both sides change during the run, so that only the next run reaches the expected state.
    """

    name: str
    point: InjectionPoint
    set_up: Callable[[ProductEnvironment], None]
    exits: frozenset[int] = frozenset({3})
    moving: bool = False
    wait_s: float = 0.0
    channel: tuple[tuple[str, Any], ...] = ()


def scenarios() -> Iterator[Scenario]:
    yield from _endless()
    yield from _moving()
    yield from _late()
    yield from _tokens()
    yield from _lost_with_lookups()
    yield from _edited_by_hand()
    yield from _undocumented_behaviour()
    yield from _in_flight()


def _faults(*faults: Spec, **switches: Any) -> Callable[[ProductEnvironment], None]:
    def set_up(environment: ProductEnvironment) -> None:
        if switches:
            environment.box.switch("myogo", **switches)
        for fault in faults:
            environment.box.add_fault(**fault)

    return set_up


def _endless() -> Iterator[Scenario]:
    for name in ("/products page 1", "/stock page 1", "/Products page 1", "/Stock page 1"):
        point = BY_NAME[name]
        all_pages = {**point.fault_filter, "path": point.path.partition("limit")[0]}
        yield Scenario(
            "endless next, new rows",
            point,
            _faults({**all_pages, "kind": "endless", "times": FOREVER}),
            frozenset({5}),
        )


TEMPORARY_ROWS = {"centra": (size(90, sku="GONE-1", prices=DOLLARS), size(190, sku="GONE-2", prices=DOLLARS)),
        "myogo": ({"code": "GONE-1", "name": "?"}, {"code": "GONE-2", "name": "?"})}  # fmt: skip
MOVES: dict[str, dict[str, Sequence[Spec]]] = {
    "centra": {
        "removed": [{"remove": 90}, {"remove": 190}],
        "added": [{"add": size(80, sku="NEW-0")}, {"add": size(180, sku="NEW-Z")}],
        "edited": [{"change": 102, "comment": "moved"}],
    },
    "myogo": {
        "removed": [{"remove": "GONE-1"}, {"remove": "GONE-2"}],
        "added": [{"add": {"code": "BY-HAND", "name": "!"}}, {"add": {"code": "NEW-A", "name": "!", "stock": 2}}],
        "edited": [{"change": "OLD-C", "supplierCode": "S-2"}],
    },
}


def _moving() -> Iterator[Scenario]:
    """A list is not a snapshot: rows are added, removed and moved while it is paged, in any sort order."""
    for name in (
        "/products page 2",
        "/products page 3",
        "/stock page 2",
        "/Products page 2",
        "/Products page 3",
        "/Stock page 2",
    ):
        point = BY_NAME[name]
        for move, edits in MOVES[point.side].items():
            for sort in ("asc", "desc", "shuffled") if move != "edited" else ("edited",):
                # A shuffled list may repeat a complete page, which ends the read.
                exits = frozenset({3, 5}) if sort == "shuffled" else frozenset({3})
                yield Scenario(
                    f"row {move} while paging, sort {sort}", point, _moved(point, edits, sort), exits, moving=True
                )


def _moved(point: InjectionPoint, edits: Sequence[Spec], sort: str) -> Callable[[ProductEnvironment], None]:
    def set_up(environment: ProductEnvironment) -> None:
        first, last = ({"add": one} for one in TEMPORARY_ROWS[point.side])
        environment.box.switch(point.side, sort=sort)
        environment.edit_before_run(point.side, [first, last])
        environment.box.add_fault(**point.fault_filter, kind="edit", edits=edits)
        environment.record_edit(point.side, edits)

    return set_up


def _late() -> Iterator[Scenario]:
    for point in INJECTION_POINTS:
        if point.kind in ("post", "put"):
            yield Scenario(
                "dropped, then served",
                point,
                _faults({**point.fault_filter, "kind": "drop_late", "seconds": 0.3}),
                wait_s=0.5,
            )
    point = BY_NAME["POST NEW-A"]
    all_creates = {**point.fault_filter, "contains": "", "kind": "drop_late", "seconds": 0.3, "times": FOREVER}
    yield Scenario("every create dropped, then served", point, _faults(all_creates), wait_s=0.5)


def _tokens() -> Iterator[Scenario]:
    names = ("/Products page 2", "/Stock page 1", "GET NEW-B", "POST NEW-B", "GET OLD-C", "PUT OLD-C")
    for point in (BY_NAME[name] for name in names):
        revoked = {**point.fault_filter, "kind": "revoke_tokens"}
        token_request = {"side": "myogo", "path": "/OAuth/Token"}
        refresh = {**token_request, "contains": "refresh_token"}
        yield Scenario("token expired, refresh token already used", point, _faults({**revoked, "refresh": 1}))
        yield Scenario("token expired, refresh answer lost", point, _faults(revoked, {**refresh, "kind": "drop_after"}))
        yield Scenario("token expired, refresh answered 500", point, _faults(revoked, {**refresh, "kind": "status"}))
        unavailable = {**token_request, "kind": "status", "status": 503, "skip": 1, "times": FOREVER}
        yield Scenario("token expired, no new token, lasting", point, _faults(revoked, unavailable), frozenset({5}))
        refused = {
            **token_request,
            "kind": "status",
            "status": 400,
            "body": {"error": "invalid_client"},
            "skip": 1,
            "times": FOREVER,
        }
        yield Scenario("token expired, credentials revoked", point, _faults(revoked, refused), frozenset({2}))


def _lost_with_lookups() -> Iterator[Scenario]:
    """The answer to a write is lost, and every look-up after it fails."""
    for name in ("POST NEW-A", "POST NEW-J", "PUT OLD-C", "PUT OLD-D"):
        point = BY_NAME[name]
        look = {"side": "myogo", "method": "GET", "path": f"code={point.code}&", "skip": 1, "times": FOREVER}
        for loss, lost in (("lost", "truncated"), ("lost, not served", "html")):
            for failure, fault, exit_code in (
                ("503", {"kind": "status", "status": 503}, 5),
                ("403", {"kind": "status", "status": 403}, 2),
                ("no answer", {"kind": "drop"}, 5),
            ):
                yield Scenario(
                    f"answer {loss}, look-ups end in {failure}",
                    point,
                    _faults({**point.fault_filter, "kind": lost}, {**look, **fault}),
                    frozenset({exit_code}),
                )


def _edited_by_hand() -> Iterator[Scenario]:
    """myOGO is edited by hand between our read and our write."""
    our_product = {"code": "NEW-B", "name": "Parka Blue S", "salesPrice": Decimal("12.50"), **SENT_FIELDS, "stock": 3}
    edits_by_name: dict[str, tuple[str, Sequence[Spec]]] = {
        "created with our values": ("GET NEW-B", [{"add": our_product}]),
        "created with other values": (
            "GET NEW-B",
            [{"add": {**our_product, "name": "By hand", "supplierCode": "S-9"}}],
        ),
        "edited to our values": ("GET OLD-C", [{"change": "OLD-C", "salesPrice": Decimal("20.00"), **SENT_FIELDS}]),
        "edited to other values": (
            "GET OLD-C",
            [{"change": "OLD-C", "infoUrl": "https://x.test/new", "name": "By hand"}],
        ),
        "EAN added": ("GET OLD-D", [{"change": "OLD-D", "eanCode": "222"}]),
        "deleted": ("GET OLD-D", [{"remove": "OLD-D"}]),
    }
    for edit_name, (point_name, edits) in edits_by_name.items():
        point = BY_NAME[point_name]
        duplicate_answers: Sequence[Any] = (
            (400, 409, "upsert", "duplicate") if edit_name.startswith("created") else ("",)
        )
        for duplicate_answer in duplicate_answers:
            name = f"{edit_name} before our write" + (
                f", duplicate POST {duplicate_answer}" if duplicate_answer else ""
            )
            yield Scenario(name, point, _by_hand(point, edits, duplicate_answer), moving=True)


def _by_hand(point: InjectionPoint, edits: Sequence[Spec], duplicate: Any) -> Callable[[ProductEnvironment], None]:
    def set_up(environment: ProductEnvironment) -> None:
        environment.box.switch("myogo", duplicate_post=duplicate or 400)
        environment.box.add_fault(**point.fault_filter, kind="edit", edits=edits)
        environment.record_edit("myogo", edits)

    return set_up


MYOGO_VARIANTS: tuple[dict[str, Any], ...] = (
    {"duplicate_post": 400, "sort": "shuffled", "emit_nulls": "no"},
    {"duplicate_post": 409, "sort": "desc", "emit_nulls": "no", "omitted_on_put": "keep"},
    {"duplicate_post": "upsert", "sort": "shuffled", "created_status": 201, "extra_fields": True},
)


def _undocumented_behaviour() -> Iterator[Scenario]:
    """Failing writes with the other behaviours that myOGO's documentation allows."""
    faults: dict[str, Spec] = {
        "reset before the answer": {"kind": "drop"},
        "served, then reset": {"kind": "drop_after"},
        "truncated JSON": {"kind": "truncated"},
        "served, but 400": {"kind": "status_after", "status": 400},
        "served, but 409": {"kind": "status_after", "status": 409},
        "served, but 500": {"kind": "status_after", "status": 500},
        "served, but 504": {"kind": "status_after", "status": 504},
        "500": {"kind": "status", "status": 500},
        "503": {"kind": "status", "status": 503},
    }
    for switches in MYOGO_VARIANTS:
        for fault_name, fault in faults.items():
            for name in ("POST NEW-B", "PUT OLD-D"):
                point = BY_NAME[name]
                scenario_name = f"{fault_name}, duplicate POST {switches['duplicate_post']}"
                yield Scenario(scenario_name, point, _faults({**point.fault_filter, **fault}, **switches))


def _in_flight() -> Iterator[Scenario]:
    """Four writes in flight, and the fault hits all of them."""
    point = BY_NAME["POST NEW-A"]
    all_writes = {"side": "myogo", "path": "/Products", "times": FOREVER}
    faults: dict[str, tuple[Spec, int]] = {
        "served, then reset": ({"kind": "drop_after"}, 3),
        "reset before the answer": ({"kind": "drop"}, 3),
        "503": ({"kind": "status", "status": 503}, 5),
        "429": ({"kind": "status", "status": 429}, 5),
        "500": ({"kind": "status", "status": 500}, 3),
        "redirect": ({"kind": "redirect", "location": "http://127.0.0.1:9/"}, 2),
    }
    for fault_name, (fault, exit_code) in faults.items():
        for method in ("POST", "PUT"):
            exits = frozenset({exit_code}) if method == "POST" else frozenset({3, 5, 2})
            yield Scenario(
                f"four in flight, {fault_name}, lasting",
                point if method == "POST" else BY_NAME["PUT OLD-C"],
                _faults({**all_writes, "method": method, **fault}),
                exits,
                channel=(("max_in_flight", 4),),
            )
