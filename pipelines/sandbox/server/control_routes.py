"""The control endpoint, outside the vendors' paths: JSON in, JSON out, the same on both servers."""

import base64
from typing import Any

from pipelines.sandbox.common.exchange import Answer, Request
from pipelines.sandbox.common.json_formats import dotnet_json, parse_json
from pipelines.sandbox.server import control_order_routes
from pipelines.sandbox.server.state import State

CONTROL_PATH = "/_control/"


class ControlRoutes:
    """Maps each control path to a method of State or Actions."""

    def __init__(self, state: State) -> None:
        self._state = state

    def answer(self, request: Request) -> Answer:
        """Carries the request out: 200 with the result, or 400 or 404 with `error`."""
        name, *rest = request.path.removeprefix(CONTROL_PATH).rstrip("/").split("/")
        handler = getattr(self, f"_{name}", None) if name in ROUTES else None
        try:
            content = parse_json(request.body) if request.body else None
            if handler is None:
                raise LookupError(f"no control path {name!r}; there are: {', '.join(ROUTES)}")
            return Answer(200, dotnet_json(handler(request, rest, content)))
        except LookupError as missing:
            return _error(404, missing)
        except (ValueError, TypeError) as invalid:
            return _error(400, invalid)

    def _health(self, request: Request, rest: list[str], content: Any) -> Any:
        return {"status": "ok"}

    def _switches(self, request: Request, rest: list[str], content: Any) -> Any:
        (side,) = _exactly(rest, 1)
        if request.method == "PUT":
            return self._state.switch(side, **_object(content))
        return self._state.switches(side)

    def _faults(self, request: Request, rest: list[str], content: Any) -> Any:
        if request.method == "POST":
            given = content if isinstance(content, list) else [content]
            return [self._state.add_fault(**_object(fault)) for fault in given]
        if request.method == "DELETE":
            self._state.clear_faults()
        return self._state.faults()

    def _requests(self, request: Request, rest: list[str], content: Any) -> Any:
        if request.method == "DELETE":
            self._state.log.clear()
        return self._state.log.entries(request.params().get("side"))

    def _reset(self, request: Request, rest: list[str], content: Any) -> Any:
        _only(request, "POST")
        self._state.reset()
        return {"status": "ok"}

    def _clock(self, request: Request, rest: list[str], content: Any) -> Any:
        if request.method == "PUT":
            self._state.clock.advance(float(_object(content)["advance_s"]))
        return {"now": self._state.clock.now()}

    def _centra(self, request: Request, rest: list[str], content: Any) -> Any:
        actions = self._state.actions
        name, *key = rest or [""]
        if name != "rows":
            return control_order_routes.centra(actions, request.method, rest, _given(content))
        if request.method == "POST":
            return actions.add_centra_row(_object(content))
        stock_item_id = int(_exactly(key, 1)[0])
        if request.method == "PATCH":
            return actions.change_centra_row(stock_item_id, **_object(content))
        if request.method == "DELETE":
            actions.delete_centra_row(stock_item_id)
            return {"status": "ok"}
        return actions.centra_row(stock_item_id)

    def _myogo(self, request: Request, rest: list[str], content: Any) -> Any:
        actions = self._state.actions
        match (request.method, *rest):
            case ("POST", "receive"):
                return actions.receive(_object(content)["code"], int(content["quantity"]))
            case ("GET", "products"):
                return actions.myogo_products()
            case ("POST", "products"):
                given = [_object(one) for one in (content if isinstance(content, list) else [content])]
                return [actions.put_myogo_product(one, bool(one.get("allow_duplicate"))) for one in given]
            case ("PATCH", "products", code):
                only_id = request.params().get("id")
                return actions.change_myogo_product(_decoded(code), only_id, **_object(content))
            case ("DELETE", "products", code):
                actions.delete_myogo_product(_decoded(code), request.params().get("id"))
                return {"status": "ok"}
        return control_order_routes.myogo(actions, request.method, rest, _given(content))

    def _webhooks(self, request: Request, rest: list[str], content: Any) -> Any:
        if request.method == "DELETE":
            self._state.actions.clear_webhooks()
        return self._state.actions.webhooks()


ROUTES: tuple[str, ...] = (
    "health", "switches", "faults", "requests", "reset", "clock", "centra", "myogo", "webhooks",
)  # fmt: skip


def _error(status: int, problem: Exception) -> Answer:
    return Answer(status, dotnet_json({"error": str(problem.args[0]) if problem.args else type(problem).__name__}))


def _object(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError("the body must be a JSON object")
    return content


def _given(content: Any) -> dict[str, Any]:
    return {} if content is None else _object(content)


def _exactly(rest: list[str], count: int) -> list[str]:
    if len(rest) != count:
        raise LookupError(f"the control path takes {count} part(s) here")
    return rest


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise ValueError(f"use {method}")


def _decoded(code: str) -> str:
    return base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)).decode()
