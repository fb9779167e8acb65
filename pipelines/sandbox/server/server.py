"""Starts and stops a sandbox: two HTTP servers on loopback, on a thread of this process."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

import uvloop
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pipelines.sandbox.centra.api import BASE_PATH
from pipelines.sandbox.common.clock import Clock
from pipelines.sandbox.common.credentials import Credentials
from pipelines.sandbox.common.request_log import RequestLog
from pipelines.sandbox.seed.catalogue import Catalogue
from pipelines.sandbox.server.actions import Actions
from pipelines.sandbox.server.app import App, Side
from pipelines.sandbox.server.control_routes import ControlRoutes
from pipelines.sandbox.server.listener import HOST, Listener, listening_socket
from pipelines.sandbox.server.state import State

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def _forward(
    part: Callable[[State], S], method: Callable[Concatenate[S, P], T]
) -> Callable[Concatenate["Sandbox", P], T]:
    """A method of Sandbox that calls the method of that part of the state on the servers' thread."""

    @wraps(method)
    def call(box: "Sandbox", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return box._call(method, part(box._state), *args, **kwargs)

    return call


def _action(method: Callable[Concatenate[Actions, P], T]) -> Callable[Concatenate["Sandbox", P], T]:
    return _forward(lambda state: state.actions, method)


def _on_state(method: Callable[Concatenate[State, P], T]) -> Callable[Concatenate["Sandbox", P], T]:
    return _forward(lambda state: state, method)


class Sandbox:
    """Both stand-ins, running until `stop`. It has a method for every control path."""

    def __init__(self, state: State, credentials: Credentials, sockets: tuple[socket.socket, socket.socket]) -> None:
        centra_port, myogo_port = (sock.getsockname()[1] for sock in sockets)
        self.centra_url = f"http://{HOST}:{centra_port}{state.centra.base_path}"
        self.myogo_url = f"http://{HOST}:{myogo_port}"
        self.token_url = f"{self.myogo_url}/OAuth/Token"
        self.credentials = credentials
        self._state = state
        self._sockets = sockets
        self._running: Future[None] = Future()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    @classmethod
    def start(
        cls, catalogue: Catalogue, centra_port: int = 0, myogo_port: int = 0, base_path: str = BASE_PATH
    ) -> "Sandbox":
        """A running sandbox with the catalogue; port 0 is any free one. PortTaken if a port is not free."""
        credentials = Credentials.fixed()
        first = listening_socket(centra_port)
        try:
            second = listening_socket(myogo_port)
        except OSError:
            first.close()
            raise
        box = cls(State(catalogue, credentials, base_path), credentials, (first, second))
        box._thread.start()
        box._running.result()
        return box

    def stop(self) -> None:
        """Ends both servers and all connections; a second call does nothing."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._loop.call_soon_threadsafe(self._stop_requested.set)
            self._thread.join()

    def wait(self) -> None:
        """Returns when the sandbox is stopped; SIGINT and SIGTERM stop it."""
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        signalled = threading.Event()
        try:
            for number in handlers:
                signal.signal(number, lambda *_: signalled.set())
            while not signalled.is_set() and not self._stopped.wait(0.1):
                pass
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        self.stop()

    # The control operations; each runs on the servers' thread.
    reset = _on_state(State.reset)
    switch = _on_state(State.switch)
    switches = _on_state(State.switches)
    add_fault = _on_state(State.add_fault)
    faults = _on_state(State.faults)
    clear_faults = _on_state(State.clear_faults)
    requests = _forward(lambda state: state.log, RequestLog.entries)
    clear_requests = _forward(lambda state: state.log, RequestLog.clear)
    advance_clock = _forward(lambda state: state.clock, Clock.advance)

    centra_row = _action(Actions.centra_row)
    add_centra_row = _action(Actions.add_centra_row)
    change_centra_row = _action(Actions.change_centra_row)
    delete_centra_row = _action(Actions.delete_centra_row)
    place_centra_order = _action(Actions.place_centra_order)
    centra_orders = _action(Actions.centra_orders)
    centra_order = _action(Actions.centra_order)
    change_centra_order = _action(Actions.change_centra_order)
    centra_shipments = _action(Actions.centra_shipments)
    change_centra_shipment = _action(Actions.change_centra_shipment)
    delete_centra_shipment = _action(Actions.delete_centra_shipment)
    set_centra_webhook = _action(Actions.set_centra_webhook)

    myogo_products = _action(Actions.myogo_products)
    put_myogo_product = _action(Actions.put_myogo_product)
    change_myogo_product = _action(Actions.change_myogo_product)
    delete_myogo_product = _action(Actions.delete_myogo_product)
    receive = _action(Actions.receive)
    myogo_orders = _action(Actions.myogo_orders)
    change_myogo_order = _action(Actions.change_myogo_order)
    collect = _action(Actions.collect)
    ship = _action(Actions.ship)
    cancel = _action(Actions.cancel)
    take_back = _action(Actions.take_back)

    webhooks = _action(Actions.webhooks)
    clear_webhooks = _action(Actions.clear_webhooks)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        # Only the servers' thread uses the state; a call from another thread would race with a request.
        if self._stopped.is_set():
            return function(*args, **kwargs)
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function(*args, **kwargs))
            except Exception as problem:
                done.set_exception(problem)

        self._loop.call_soon_threadsafe(run)
        return done.result()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve_until_stopped())
        except BaseException as problem:
            if self._running.done():
                raise
            self._running.set_exception(problem)

    async def _serve_until_stopped(self) -> None:
        self._loop, self._stop_requested = asyncio.get_running_loop(), asyncio.Event()
        sides: tuple[Side, Side] = (self._state.centra, self._state.myogo)
        states = [self._serve(side, sock) for side, sock in zip(sides, self._sockets, strict=True)]
        self._running.set_result(None)
        await self._stop_requested.wait()
        self._state.clear_faults()
        self._state.deliveries.clear()
        for listener in self._state.listeners.values():
            listener.close()
        self._state.listeners.clear()
        # Closing a listener aborts its connections, and a lost connection ends its request: no need to cancel tasks.
        while any(state.tasks or state.connections for state in states):
            await asyncio.sleep(0.001)

    def _serve(self, side: Side, sock: socket.socket) -> ServerState:
        # uvicorn's server polls every 0.1 s whether it should stop; its protocol class is enough here.
        app = App(side, self._state, ControlRoutes(self._state))
        config = Config(app, access_log=False, log_config=None, ws="none", timeout_keep_alive=75)
        config.load()
        state, loop = ServerState(), self._loop
        listener = Listener(sock, lambda: HttpToolsProtocol(config, state, {}, loop), state.connections)
        self._state.listeners[side.name] = listener
        listener.accept()
        return state
