"""The life of a sandbox: two HTTP servers on loopback, in a thread of this process."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

import uvloop
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pipelines.sandbox.centra.api import BASE_PATH
from pipelines.sandbox.common.credentials import Credentials
from pipelines.sandbox.seed.catalogue import Catalogue
from pipelines.sandbox.server.app import Front, Side
from pipelines.sandbox.server.control_routes import ControlRoutes
from pipelines.sandbox.server.listener import HOST, Reach, listening
from pipelines.sandbox.server.state import State

P = ParamSpec("P")
T = TypeVar("T")


class Sandbox:
    """Both stand-ins, running until `stop`. Its methods equal the control endpoint's paths."""

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
        """A running sandbox that holds the catalogue; port 0 is any free one. PortTaken if one is not."""
        credentials = Credentials.fixed()
        first = listening(centra_port)
        try:
            second = listening(myogo_port)
        except OSError:
            first.close()
            raise
        box = cls(State(catalogue, credentials, base_path), credentials, (first, second))
        box._thread.start()
        box._running.result()
        return box

    def stop(self) -> None:
        """Ends both servers and every connection; doing so twice does no harm."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def wait(self) -> None:
        """Returns once the sandbox was stopped, or on SIGINT or SIGTERM, which stop it."""
        for_whom = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        rung = threading.Event()
        try:
            for number in for_whom:
                signal.signal(number, lambda *_: rung.set())
            while not rung.is_set() and not self._stopped.wait(0.1):
                pass
        finally:
            for number, handler in for_whom.items():
                signal.signal(number, handler)
        self.stop()

    def requests(self, side: str | None = None) -> list[dict[str, Any]]:
        """What was asked so far, oldest first."""
        return self._call(self._state.log.entries, side)

    def clear_requests(self) -> None:
        self._call(self._state.log.clear)

    def switch(self, side: str, **values: Any) -> dict[str, Any]:
        """The side's switches after setting some."""
        return self._call(self._state.switch, side, values)

    def switches(self, side: str) -> dict[str, Any]:
        return self._call(self._state.switches, side)

    def add_fault(self, **fault: Any) -> dict[str, Any]:
        return self._call(self._state.add_fault, fault)

    def faults(self) -> list[dict[str, Any]]:
        """The scripted faults with their counts."""
        return self._call(self._state.faults)

    def clear_faults(self) -> None:
        """Also those at work: whoever left is back, and no write is on its way any more."""
        self._call(self._state.clear_faults)

    def myogo_products(self) -> list[dict[str, Any]]:
        """Every stored product, duplicates included; money as Decimal."""
        return self._call(self._state.myogo_products)

    def put_myogo_product(self, product: dict[str, Any], allow_duplicate: bool = False) -> dict[str, Any]:
        return self._call(self._state.put_myogo_product, product, allow_duplicate)

    def change_myogo_product(self, code: str, /, **fields: Any) -> list[dict[str, Any]]:
        return self._call(self._state.change_myogo_product, code, fields)

    def delete_myogo_product(self, code: str) -> None:
        self._call(self._state.delete_myogo_product, code)

    def receive(self, code: str, quantity: int) -> dict[str, Any]:
        """The product after goods arrived for it."""
        return self._call(self._state.receive, code, quantity)

    def centra_row(self, stock_item_id: int) -> dict[str, Any]:
        return self._call(self._state.centra_row, stock_item_id)

    def add_centra_row(self, row: dict[str, Any]) -> dict[str, Any]:
        return self._call(self._state.add_centra_row, row)

    def change_centra_row(self, stock_item_id: int, **fields: Any) -> dict[str, Any]:
        """The row after the change; a field set to "__missing__" is gone."""
        return self._call(self._state.change_centra_row, stock_item_id, fields)

    def delete_centra_row(self, stock_item_id: int) -> None:
        self._call(self._state.delete_centra_row, stock_item_id)

    def place_centra_order(self, **given: Any) -> dict[str, Any]:
        """The new order as stored, with its shipment unless `shipment` is false; the sample gives what is left out."""
        return self._call(self._state.play.place_centra_order, given)

    def centra_orders(self) -> list[dict[str, Any]]:
        return self._call(self._state.play.centra_orders)

    def centra_order(self, number: int | str) -> dict[str, Any]:
        return self._call(self._state.play.centra_order, number)

    def change_centra_order(self, number: int | str, **fields: Any) -> dict[str, Any]:
        return self._call(self._state.play.change_centra_order, number, fields)

    def centra_shipments(self) -> list[dict[str, Any]]:
        return self._call(self._state.play.centra_shipments)

    def change_centra_shipment(self, shipment_id: str, **flags: Any) -> dict[str, Any]:
        return self._call(self._state.play.change_centra_shipment, shipment_id, flags)

    def aim_centra_webhook(self, url: str | None, secret: str = "") -> dict[str, Any]:
        return self._call(self._state.play.aim_centra_webhook, url, secret)

    def myogo_orders(self) -> list[dict[str, Any]]:
        return self._call(self._state.play.myogo_orders)

    def change_myogo_order(self, reference: str, /, **fields: Any) -> dict[str, Any]:
        return self._call(self._state.play.change_myogo_order, reference, fields)

    def collect(self, reference: str) -> dict[str, Any]:
        return self._call(self._state.play.collect, reference)

    def ship(self, reference: str, tracking: Sequence[str] = (), url: str | None = None) -> dict[str, Any]:
        """The order after it left under those tracking numbers."""
        return self._call(self._state.play.ship, reference, tracking, url)

    def cancel(self, reference: str) -> dict[str, Any]:
        return self._call(self._state.play.cancel, reference)

    def take_back(self, reference: str) -> dict[str, Any]:
        """The order after it came back."""
        return self._call(self._state.play.take_back, reference)

    def webhooks(self) -> list[dict[str, Any]]:
        """What was sent so far and what came of it, oldest first."""
        return self._call(self._state.play.webhooks)

    def clear_webhooks(self) -> None:
        self._call(self._state.play.clear_webhooks)

    def reset(self) -> None:
        self._call(self._state.reset)

    def advance_clock(self, seconds: float) -> None:
        self._call(self._state.clock.advance, seconds)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        # State belongs to the servers' thread; anything else would race with a request.
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
                runner.run(self._live())
        except BaseException as problem:
            if self._running.done():
                raise
            self._running.set_exception(problem)

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        sides: tuple[Side, Side] = (self._state.centra, self._state.myogo)
        states = [self._serve(side, sock) for side, sock in zip(sides, self._sockets, strict=True)]
        self._running.set_result(None)
        await self._end.wait()
        self._state.clear_faults()
        self._state.deliveries.clear()
        for reach in self._state.reaches.values():
            reach.close()
        self._state.reaches.clear()
        # A lost connection ends the request that waits on it; nothing needs to be cancelled.
        while any(state.tasks or state.connections for state in states):
            await asyncio.sleep(0.001)

    def _serve(self, side: Side, sock: socket.socket) -> ServerState:
        # uvicorn's own server sleeps 0.1 s at a time to notice its end; its protocol alone does all we need.
        app = Front(side, self._state, ControlRoutes(self._state))
        config = Config(app, access_log=False, log_config=None, ws="none", timeout_keep_alive=75)
        config.load()
        state, loop = ServerState(), self._loop
        reach = Reach(sock, lambda: HttpToolsProtocol(config, state, {}, loop), state.connections)
        self._state.reaches[side.name] = reach
        reach.serve()
        return state
