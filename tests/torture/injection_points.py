"""All requests of a run of the products environment, in order; a test checks that the list is complete."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["list", "token", "look", "post", "put"]


@dataclass(frozen=True)
class InjectionPoint:
    """One request; the fields select it for a fault of the sandbox."""

    side: str
    kind: Kind
    name: str
    method: str
    path: str
    contains: str = ""
    code: str = ""

    @property
    def fault_filter(self) -> dict[str, Any]:
        return {"side": self.side, "method": self.method, "path": self.path, "contains": self.contains}


def _centra(path: str) -> list[InjectionPoint]:
    queries = ["limit=4", "limit=4&page=2", "limit=4&page=3"]
    return [
        InjectionPoint("centra", "list", f"{path} page {n}", "GET", f"{path}?{query}$")
        for n, query in enumerate(queries, 1)
    ]


def _myogo(path: str) -> list[InjectionPoint]:
    return [
        InjectionPoint("myogo", "list", f"{path} page {n}", "GET", f"/api/v1{path}?limit=3&page={n}$")
        for n in range(1, 5)
    ]


def _look(code: str) -> InjectionPoint:
    return InjectionPoint("myogo", "look", f"GET {code}", "GET", f"/Products?code={code}&", code=code)


def _create(code: str) -> list[InjectionPoint]:
    return [_look(code), InjectionPoint("myogo", "post", f"POST {code}", "POST", "/Products", f'"{code}"', code)]


def _update(code: str) -> list[InjectionPoint]:
    name = base64.urlsafe_b64encode(code.encode()).decode().rstrip("=")
    return [_look(code), InjectionPoint("myogo", "put", f"PUT {code}", "PUT", f"/Products/{name}?", code=code)]


TOKEN = InjectionPoint("myogo", "token", "token", "POST", "/OAuth/Token")
INJECTION_POINTS = (
    *_centra("/products"), *_centra("/stock"), TOKEN, *_myogo("/Products"), *_myogo("/Stock"),
    *_create("NEW-A"), *_create("NEW-B"), *_create("NEW-J"), *_update("OLD-C"), *_update("OLD-D"),
)  # fmt: skip
BY_NAME = {point.name: point for point in INJECTION_POINTS}
# One or two of each kind, for faults that behave the same at the others.
SAMPLE = tuple(
    BY_NAME[name]
    for name in (
        "/products page 2", "/stock page 1", "token", "/Products page 2", "/Stock page 1", "GET NEW-B", "POST NEW-B",
        "GET OLD-C", "PUT OLD-C",
    )
)  # fmt: skip


def previous(point: InjectionPoint) -> InjectionPoint | None:
    """The previous request on the same side."""
    same_side = [one for one in INJECTION_POINTS if one.side == point.side]
    index = same_side.index(point)
    return same_side[index - 1] if index else None
