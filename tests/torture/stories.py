"""Cells that are more than one fault at one request: lists that move, tokens, late writes, look-ups that fail too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.support.shop import size
from tests.support.shop_helpers import FOREVER
from tests.torture.ground import DOLLARS, OURS, Ground
from tests.torture.places import NAMED, PLACES, Place

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Story:
    """What is set up before the struck run, and what a struck run of it may end with.

    `moving`: both sides change in mid-run, so that only the next run can be held to what is wanted.
    """

    name: str
    place: Place
    set_up: Callable[[Ground], None]
    exits: frozenset[int] = frozenset({3})
    moving: bool = False
    wait_s: float = 0.0
    channel: tuple[tuple[str, Any], ...] = ()


def stories() -> Iterator[Story]:
    yield from _endless()
    yield from _moving()
    yield from _late()
    yield from _tokens()
    yield from _lost_twice()
    yield from _turned_up()
    yield from _unlike_the_documents()
    yield from _in_flight()


def _faults(*faults: Spec, **switches: Any) -> Callable[[Ground], None]:
    def set_up(here: Ground) -> None:
        if switches:
            here.box.switch("myogo", **switches)
        for fault in faults:
            here.box.add_fault(**fault)

    return set_up


def _endless() -> Iterator[Story]:
    for name in ("/products page 1", "/stock page 1", "/Products page 1", "/Stock page 1"):
        place = NAMED[name]
        everywhere = {**place.where, "path": place.path.partition("limit")[0]}
        yield Story(
            "next without an end, fresh rows",
            place,
            _faults({**everywhere, "kind": "endless", "times": FOREVER}),
            frozenset({5}),
        )


GONE = {"centra": (size(90, sku="GONE-1", prices=DOLLARS), size(190, sku="GONE-2", prices=DOLLARS)),
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


def _moving() -> Iterator[Story]:
    """A list is no snapshot: rows come, go and move while it is paged, in any order of the rows."""
    for name in (
        "/products page 2",
        "/products page 3",
        "/stock page 2",
        "/Products page 2",
        "/Products page 3",
        "/Stock page 2",
    ):
        place = NAMED[name]
        for move, edits in MOVES[place.side].items():
            for sort in ("asc", "desc", "shuffled") if move != "edited" else ("edited",):
                # In an order of its own a list may turn so far that a page shows nothing new; that ends the reading.
                exits = frozenset({3, 5}) if sort == "shuffled" else frozenset({3})
                yield Story(
                    f"row {move} while paging, sort {sort}", place, _moved(place, edits, sort), exits, moving=True
                )


def _moved(place: Place, edits: Sequence[Spec], sort: str) -> Callable[[Ground], None]:
    def set_up(here: Ground) -> None:
        first, last = ({"add": one} for one in GONE[place.side])
        here.box.switch(place.side, sort=sort)
        here.happens(place.side, [first, last])
        here.box.add_fault(**place.where, kind="edit", edits=edits)
        here.edit(place.side, edits)

    return set_up


def _late() -> Iterator[Story]:
    for place in PLACES:
        if place.kind in ("post", "put"):
            yield Story(
                "dropped, and served later",
                place,
                _faults({**place.where, "kind": "drop_late", "seconds": 0.3}),
                wait_s=0.5,
            )
    place = NAMED["POST NEW-A"]
    every = {**place.where, "contains": "", "kind": "drop_late", "seconds": 0.3, "times": FOREVER}
    yield Story("every create dropped, and served later", place, _faults(every), wait_s=0.5)


def _tokens() -> Iterator[Story]:
    names = ("/Products page 2", "/Stock page 1", "GET NEW-B", "POST NEW-B", "GET OLD-C", "PUT OLD-C")
    for place in (NAMED[name] for name in names):
        gone = {**place.where, "kind": "revoke_tokens"}
        again = {"side": "myogo", "path": "/OAuth/Token"}
        refresh = {**again, "contains": "refresh_token"}
        yield Story("token expired, refresh token used already", place, _faults({**gone, "refresh": 1}))
        yield Story("token expired, refresh answer lost", place, _faults(gone, {**refresh, "kind": "drop_after"}))
        yield Story("token expired, refresh answered 500", place, _faults(gone, {**refresh, "kind": "status"}))
        down = {**again, "kind": "status", "status": 503, "skip": 1, "times": FOREVER}
        yield Story("token expired, no new one, lasting", place, _faults(gone, down), frozenset({5}))
        no = {
            **again,
            "kind": "status",
            "status": 400,
            "body": {"error": "invalid_client"},
            "skip": 1,
            "times": FOREVER,
        }
        yield Story("token expired, credentials revoked", place, _faults(gone, no), frozenset({2}))


def _lost_twice() -> Iterator[Story]:
    """The answer to a write is lost, and so is every look-up after it."""
    for name in ("POST NEW-A", "POST NEW-J", "PUT OLD-C", "PUT OLD-D"):
        place = NAMED[name]
        look = {"side": "myogo", "method": "GET", "path": f"code={place.code}&", "skip": 1, "times": FOREVER}
        for what, lost in (("lost", "truncated"), ("lost unserved", "html")):
            for how, fault, ends in (
                ("503", {"kind": "status", "status": 503}, 5),
                ("403", {"kind": "status", "status": 403}, 2),
                ("no answer", {"kind": "drop"}, 5),
            ):
                yield Story(
                    f"answer {what}, look-ups end in {how}",
                    place,
                    _faults({**place.where, "kind": lost}, {**look, **fault}),
                    frozenset({ends}),
                )


def _turned_up() -> Iterator[Story]:
    """Somebody edits myOGO by hand between our reading and our writing."""
    wanted = {"code": "NEW-B", "name": "Parka Blue S", "salesPrice": Decimal("12.50"), **OURS, "stock": 3}
    hands: dict[str, tuple[str, Sequence[Spec]]] = {
        "made as wanted": ("GET NEW-B", [{"add": wanted}]),
        "made otherwise": ("GET NEW-B", [{"add": {**wanted, "name": "By hand", "supplierCode": "S-9"}}]),
        "edited as wanted": ("GET OLD-C", [{"change": "OLD-C", "salesPrice": Decimal("20.00"), **OURS}]),
        "edited otherwise": ("GET OLD-C", [{"change": "OLD-C", "infoUrl": "https://x.test/new", "name": "By hand"}]),
        "given an EAN": ("GET OLD-D", [{"change": "OLD-D", "eanCode": "222"}]),
        "removed": ("GET OLD-D", [{"remove": "OLD-D"}]),
    }
    for what, (at, edits) in hands.items():
        place = NAMED[at]
        ways: Sequence[Any] = (400, 409, "upsert", "duplicate") if what.startswith("made") else ("",)
        for duplicate in ways:
            name = f"{what} by hand before our write" + (f", a second POST {duplicate}" if duplicate else "")
            yield Story(name, place, _by_hand(place, edits, duplicate), moving=True)


def _by_hand(place: Place, edits: Sequence[Spec], duplicate: Any) -> Callable[[Ground], None]:
    def set_up(here: Ground) -> None:
        here.box.switch("myogo", duplicate_post=duplicate or 400)
        here.box.add_fault(**place.where, kind="edit", edits=edits)
        here.edit("myogo", edits)

    return set_up


WAYS: tuple[dict[str, Any], ...] = (
    {"duplicate_post": 400, "sort": "shuffled", "emit_nulls": "no"},
    {"duplicate_post": 409, "sort": "desc", "emit_nulls": "no", "omitted_on_put": "keep"},
    {"duplicate_post": "upsert", "sort": "shuffled", "created_status": 201, "extra_fields": True},
)


def _unlike_the_documents() -> Iterator[Story]:
    """Writes that go wrong where myOGO does the other things that its documentation leaves open."""
    faults: dict[str, Spec] = {
        "reset before the answer": {"kind": "drop"},
        "served, then reset": {"kind": "drop_after"},
        "truncated JSON": {"kind": "truncated"},
        "served, yet 400": {"kind": "status_after", "status": 400},
        "served, yet 409": {"kind": "status_after", "status": 409},
        "served, yet 500": {"kind": "status_after", "status": 500},
        "served, yet 504": {"kind": "status_after", "status": 504},
        "500": {"kind": "status", "status": 500},
        "503": {"kind": "status", "status": 503},
    }
    for ways in WAYS:
        for what, fault in faults.items():
            for name in ("POST NEW-B", "PUT OLD-D"):
                place = NAMED[name]
                told = f"{what}, a second POST {ways['duplicate_post']}"
                yield Story(told, place, _faults({**place.where, **fault}, **ways))


def _in_flight() -> Iterator[Story]:
    """Four writes at a time, and the fault strikes all of them."""
    place = NAMED["POST NEW-A"]
    every = {"side": "myogo", "path": "/Products", "times": FOREVER}
    faults: dict[str, tuple[Spec, int]] = {
        "served, then reset": ({"kind": "drop_after"}, 3),
        "reset before the answer": ({"kind": "drop"}, 3),
        "503": ({"kind": "status", "status": 503}, 5),
        "429": ({"kind": "status", "status": 429}, 5),
        "500": ({"kind": "status", "status": 500}, 3),
        "redirect": ({"kind": "redirect", "location": "http://127.0.0.1:9/"}, 2),
    }
    for what, (fault, ends) in faults.items():
        for method in ("POST", "PUT"):
            exits = frozenset({ends}) if method == "POST" else frozenset({3, 5, 2})
            yield Story(
                f"four in flight, {what}, lasting",
                place if method == "POST" else NAMED["PUT OLD-C"],
                _faults({**every, "method": method, **fault}),
                exits,
                channel=(("max_in_flight", 4),),
            )
