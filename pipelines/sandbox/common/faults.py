"""Scripted failures: which requests each one hits, and how often."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.sandbox.common.exchange import Request

# The options of each kind, besides the fields that every fault has, with their defaults.
OPTIONS: dict[str, dict[str, Any]] = {
    "status": {"status": 500, "headers": {}, "body": None, "content_type": None},
    "status_after": {"status": 500, "headers": {}, "body": None, "content_type": None},
    "html": {"status": 200, "body": "<!DOCTYPE html><html><body><h1>Log in</h1></body></html>"},
    "redirect": {"status": 302, "location": "/elsewhere"},
    "body": {"body": {}},
    "no": {"msg": "Something went wrong"},
    "deep_json": {"depth": 100_000},
    "gzip_bomb": {"megabytes": 1024},
    "huge_field": {"megabytes": 50},
    "revoke_tokens": {"refresh": 0},
    "refuse": {"seconds": 2.0},
    "silence": {"seconds": 2.0},
    "edit": {"edits": []},
    "drop": {},
    "drop_after": {},
    "drop_late": {"seconds": 1.0},
    "hang": {"seconds": 60.0},
    "hang_after": {"seconds": 60.0},
    "slow": {"seconds": 1.0, "pieces": 1},
    "truncated": {"length": "half"},
    "wrong_length": {"by": 10},
    "reset_body": {},
    "empty_page": {},
    "repeat_page": {},
    "loop_next": {},
    "endless": {},
}
ONLY = {"no": "centra", "loop_next": "centra", "revoke_tokens": "myogo"}
MATCHING = {"method": "*", "path": "*", "contains": "", "skip": 0, "times": 1}
EDITS = frozenset(("add", "change", "remove", "order"))


class BadFault(ValueError):
    """A fault that cannot be scripted; the message gives the reason."""


@dataclass
class Fault:
    """One scripted failure; `seen` counts the matching requests that it let pass, `taken` those that it hit."""

    side: str
    kind: str
    method: str
    path: str
    contains: str
    skip: int
    times: int
    options: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    taken: int = 0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Fault":
        """The fault as described; BadFault if it is not one."""
        kind, side = given.get("kind"), given.get("side")
        if kind not in OPTIONS:
            raise BadFault(f"no fault kind {kind!r}; there are: {', '.join(sorted(OPTIONS))}")
        if side not in ("centra", "myogo") or ONLY.get(kind, side) != side:
            raise BadFault(f"fault {kind!r} needs side {ONLY.get(kind, 'centra or myogo')!r}, not {side!r}")
        known: dict[str, Any] = MATCHING | OPTIONS[kind]
        unknown = sorted(set(given) - set(known) - {"kind", "side"})
        if unknown:
            raise BadFault(f"fault {kind!r} does not take {', '.join(unknown)}; it takes {', '.join(known)}")
        values = known | {name: value for name, value in given.items() if name in known}
        for name, default in known.items():
            if isinstance(default, (int, float)) and not isinstance(values[name], (int, float)):
                raise BadFault(f"{name!r} of fault {kind!r} must be a number")
        if kind == "edit" and not all(_is_edit(edit) for edit in values["edits"]):
            raise BadFault(f"each of 'edits' of fault 'edit' is an object with one of {', '.join(sorted(EDITS))}")
        options = {name: values.pop(name) for name in OPTIONS[kind]}
        return cls(side=str(side), kind=str(kind), options=options, **values)

    def matches(self, side: str, request: Request) -> bool:
        """Whether the fault is meant for the request, apart from `skip` and `times`; `$` in `path` is the URL's end."""
        target = f"{request.path}?{request.query}$".lower()
        return (
            self.side == side
            and self.method.upper() in ("*", request.method)
            and (self.path == "*" or self.path.lower() in target)
            and self.contains.encode() in request.body
        )

    def as_json(self) -> dict[str, Any]:
        """The fault as it was given, with its counts."""
        values = asdict(self)
        options: dict[str, Any] = values.pop("options")
        return values | options


def _is_edit(given: Any) -> bool:
    return isinstance(given, dict) and len(given.keys() & EDITS) == 1


class Script:
    """Faults in the order they were added; the first one that is due hits a request."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def take_due(self, side: str, request: Request) -> Fault | None:
        """The fault that hits this request, None if there is none; counts it as taken."""
        for fault in self.faults:
            if fault.taken == fault.times or not fault.matches(side, request):
                continue
            if fault.seen < fault.skip:
                fault.seen += 1
                continue
            fault.taken += 1
            return fault
        return None
