"""Every request of a run of the tortured shop, in the order in which they are sent; a test holds the list to it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["list", "token", "look", "post", "put"]


@dataclass(frozen=True)
class Place:
    """One request; the other fields tell a scripted fault which one is meant."""

    side: str
    kind: Kind
    name: str
    method: str
    path: str
    contains: str = ""
    code: str = ""

    @property
    def where(self) -> dict[str, Any]:
        return {"side": self.side, "method": self.method, "path": self.path, "contains": self.contains}


def _centra(path: str) -> list[Place]:
    queries = ["limit=4", "limit=4&page=2", "limit=4&page=3"]
    return [
        Place("centra", "list", f"{path} page {n}", "GET", f"{path}?{query}$") for n, query in enumerate(queries, 1)
    ]


def _myogo(path: str) -> list[Place]:
    return [Place("myogo", "list", f"{path} page {n}", "GET", f"/api/v1{path}?limit=3&page={n}$") for n in range(1, 5)]


def _look(code: str) -> Place:
    return Place("myogo", "look", f"GET {code}", "GET", f"/Products?code={code}&", code=code)


def _create(code: str) -> list[Place]:
    return [_look(code), Place("myogo", "post", f"POST {code}", "POST", "/Products", f'"{code}"', code)]


def _update(code: str) -> list[Place]:
    name = base64.urlsafe_b64encode(code.encode()).decode().rstrip("=")
    return [_look(code), Place("myogo", "put", f"PUT {code}", "PUT", f"/Products/{name}?", code=code)]


TOKEN = Place("myogo", "token", "token", "POST", "/OAuth/Token")
PLACES = (
    *_centra("/products"), *_centra("/stock"), TOKEN, *_myogo("/Products"), *_myogo("/Stock"),
    *_create("NEW-A"), *_create("NEW-B"), *_create("NEW-J"), *_update("OLD-C"), *_update("OLD-D"),
)  # fmt: skip
NAMED = {place.name: place for place in PLACES}
# One or two of each kind, for faults whose cause makes no difference between the others.
SOME = tuple(
    NAMED[name]
    for name in (
        "/products page 2", "/stock page 1", "token", "/Products page 2", "/Stock page 1", "GET NEW-B", "POST NEW-B",
        "GET OLD-C", "PUT OLD-C",
    )
)  # fmt: skip


def before(place: Place) -> Place | None:
    """The request before it on the same side."""
    own = [one for one in PLACES if one.side == place.side]
    at = own.index(place)
    return own[at - 1] if at else None
