"""The ASGI application of one side: control paths first, then faults, then the vendor's own answer."""

from typing import Protocol

from pipelines.sandbox.common.exchange import Answer, Connection, Receive, Request, Scope, Send, read_request
from pipelines.sandbox.server.control_routes import CONTROL_PATH, ControlRoutes
from pipelines.sandbox.server.fault_responses import deliver, faulty_answer, sends_status
from pipelines.sandbox.server.state import State


class Side(Protocol):
    """A vendor's stand-in."""

    name: str

    @property
    def latency_ms(self) -> int: ...

    def answer(self, request: Request) -> Answer: ...

    def auth(self, request: Request) -> str: ...


class App:
    """Serves one side; logs every request to it before the answer leaves."""

    def __init__(self, side: Side, state: State, control: ControlRoutes) -> None:
        self._side = side
        self._state = state
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        connection = Connection(receive, send)
        if request.path.startswith(CONTROL_PATH):
            await connection.send(self._control.answer(request))
            return
        if self._side.latency_ms:
            await connection.pause(self._side.latency_ms / 1000)
        side, log = self._side, self._state.log
        auth = side.auth(request)
        fault = self._state.script.take_due(side.name, request)
        if fault is None:
            answer = side.answer(request)
            log.add(side.name, request, answer.status, answer.applied, auth, None)
            await connection.send(answer)
            return
        self._state.apply_fault(fault, request, connection.transport)
        faulty = faulty_answer(fault, request, side)
        status = faulty.status if faulty and sends_status(fault) else None
        log.add(side.name, request, status, bool(faulty and faulty.applied), auth, fault.kind)
        await deliver(fault, faulty, connection)
