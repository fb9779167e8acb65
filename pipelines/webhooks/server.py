"""The life of `listen`: a socket, a desk behind it, and runs beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import uvicorn

from pipelines.config.channel import Channel
from pipelines.config.listen import Listen
from pipelines.core.errors import ConfigError
from pipelines.webhooks import event_routing, signatures
from pipelines.webhooks.dispatcher import Dispatcher
from pipelines.webhooks.push_process import RunLauncher
from pipelines.webhooks.receiver import WebhookReceiver, WebhookSource
from pipelines.webhooks.schedule import RunSchedule

log = logging.getLogger(__name__)
MAX_CONNECTIONS = 64


def listen(channel: Channel, data: Path | None, port: int | None, tell: Callable[[str], None]) -> None:
    """Listens until SIGINT or SIGTERM; `tell` hears the address once messages are taken there. Raises ConfigError."""
    settings = channel.listen
    if settings is None:
        raise ConfigError(
            f"{channel.path} has no table [listen].", 'Add it; README, "Webhooks as hints", says what belongs in it.'
        )
    sides = _sides(channel, settings)
    sock = _bound(settings.host, settings.port if port is None else port)
    host, number = sock.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{number}"
    if not settings.stays_here:
        log.warning(
            "listen.host = %s can be reached from elsewhere, and messages come unencrypted: put a TLS proxy before it",
            settings.host,
        )
    with contextlib.closing(sock):
        asyncio.run(_live(channel, settings, sides, RunLauncher(channel.path, data), sock, lambda: tell(address)))


def _sides(channel: Channel, settings: Listen) -> list[WebhookSource]:
    """Those that have a secret."""
    sides = []
    if settings.centra_secret is not None:
        proven = partial(signatures.centra, settings.centra_secret.reveal(), settings.tolerance_s)
        sides.append(WebhookSource("centra", signatures.CENTRA_HEADER, proven, event_routing.of_centra))
    if settings.myogo_key is not None:
        proven = partial(signatures.myogo, settings.myogo_key.reveal(), settings.tolerance_s)
        sides.append(WebhookSource("myogo", signatures.MYOGO_HEADER, proven, event_routing.of_myogo))
    if not sides:
        raise ConfigError(
            f"{channel.path}: listen has neither centra_secret nor myogo_key: there is nobody to listen to.",
            "Give it the secret of one side or of both.",
        )
    return sides


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigError(
            f"Nothing can listen on {host}, port {port}: {error.strerror or error}.",
            "Use another listen.port or --port (0 is any free one), and a listen.host that is this machine's.",
        ) from error


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are for the run beside it too."""
        yield


async def _live(
    channel: Channel,
    settings: Listen,
    sides: list[WebhookSource],
    runner: RunLauncher,
    sock: socket.socket,
    ready: Callable[[], None],
) -> None:
    loop = asyncio.get_running_loop()
    flows = channel.in_order(())
    poll_s = None if settings.poll_minutes is None else settings.poll_minutes * 60
    agenda = RunSchedule(flows, settings.settle_s, settings.longest_s, poll_s, loop.time())
    dispatcher = Dispatcher(agenda, runner)
    desk = WebhookReceiver(channel.name, sides, flows, dispatcher.hint, dispatcher.facts)
    # h11, because the other parser turns down a header that goes on in a second line, as Centra's samples have it.
    server = _Server(
        uvicorn.Config(
            desk.app, http="h11", ws="none", lifespan="off", log_config=None, log_level="error", access_log=False,
            proxy_headers=False, server_header=False, limit_concurrency=MAX_CONNECTIONS, timeout_graceful_shutdown=2,
        )
    )  # fmt: skip

    def stop() -> None:
        server.should_exit = True
        dispatcher.stop()

    with _signals(lambda: loop.call_soon_threadsafe(stop)):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([sock]))
            while not server.started:
                await asyncio.sleep(0)
            ready()
            tasks.create_task(dispatcher.go())
    log.info("listening ended")


@contextlib.contextmanager
def _signals(stop: Callable[[], object]) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
