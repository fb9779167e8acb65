"""The ASGI application of one side: control first, then faults, then the vendor's own answer."""

from typing import Protocol

from pipelines.sandbox.common.exchange import Answer, Connection, Receive, Request, Scope, Send, received
from pipelines.sandbox.server.control_routes import CONTROL_PATH, ControlRoutes
from pipelines.sandbox.server.fault_responses import answered, deliver, made
from pipelines.sandbox.server.state import State


class Side(Protocol):
    """A vendor's stand-in."""

    name: str

    @property
    def latency_ms(self) -> int: ...

    def answer(self, request: Request) -> Answer: ...

    def auth(self, request: Request) -> str: ...


class Front:
    """Serves one side; every request to it is logged before its answer leaves."""

    def __init__(self, side: Side, state: State, control: ControlRoutes) -> None:
        self._side = side
        self._state = state
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await received(scope, receive)
        connection = Connection(receive, send)
        if request.path.startswith(CONTROL_PATH):
            await connection.send(self._control.answer(request))
            return
        if self._side.latency_ms:
            await connection.pause(self._side.latency_ms / 1000)
        side, log = self._side, self._state.log
        auth = side.auth(request)
        fault = self._state.script.due(side.name, request)
        if fault is None:
            answer = side.answer(request)
            log.add(side.name, request, answer.status, answer.applied, auth, None)
            await connection.send(answer)
            return
        self._state.befall(fault, request, connection.transport)
        bent = made(fault, request, side)
        status = bent.status if bent and answered(fault) else None
        log.add(side.name, request, status, bool(bent and bent.applied), auth, fault.kind)
        await deliver(fault, bent, connection)
