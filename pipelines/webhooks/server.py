"""The `listen` service: a socket, a receiver behind it, and runs in separate processes."""

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
from starlette.types import ASGIApp

from pipelines.config.channel import Channel
from pipelines.config.listen import Listen
from pipelines.core.errors import ConfigError
from pipelines.webhooks.dispatcher import Dispatcher
from pipelines.webhooks.event_routing import Router
from pipelines.webhooks.receiver import WebhookReceiver, WebhookSource
from pipelines.webhooks.run_process import RunLauncher
from pipelines.webhooks.schedule import RunSchedule

log = logging.getLogger(__name__)
MAX_CONNECTIONS = 64


def listen(channel: Channel, data: Path | None, port: int | None, on_ready: Callable[[str], None]) -> None:
    """Listens until SIGINT or SIGTERM. Calls `on_ready` with the address once it accepts messages there.

    Raises ConfigError.
    """
    settings = channel.listen
    if settings is None:
        raise ConfigError(
            f"{channel.path} has no table [listen].",
            "Add it, with the secret of at least one system, and write the secret into .env:\n\n" + _table(channel),
        )
    sources = webhook_sources(channel, settings)
    sock = bound_socket(settings.host, settings.port if port is None else port, "listen")
    host, number = sock.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{number}"
    if not settings.is_local_only:
        log.warning(
            "listen.host = %s can be reached from other machines, and messages arrive unencrypted: use a TLS proxy",
            settings.host,
        )
    with contextlib.closing(sock):
        asyncio.run(_live(channel, settings, sources, RunLauncher(channel.path, data), sock, lambda: on_ready(address)))


def _table(channel: Channel) -> str:
    """The lines of the channel file that let it listen."""
    keys = [system.webhook.secret_key for system in channel.system_declarations.values() if system.webhook]
    width = max(map(len, keys), default=0)
    lines = [f'{key.ljust(width)} = {{ env = "{"_WEBHOOK_".join(key.upper().rsplit("_", 1))}" }}' for key in keys]
    return "\n".join(["[listen]", *lines])


def webhook_sources(channel: Channel, settings: Listen) -> list[WebhookSource]:
    """The systems whose secret is set. Raises ConfigError if there is none."""
    sources = []
    keys = []
    for name, system in channel.system_declarations.items():
        webhook = system.webhook
        if webhook is None:
            continue
        keys.append(webhook.secret_key)
        if (secret := settings.secret(webhook.secret_key)) is not None:
            verify = partial(webhook.verify, secret.reveal(), settings.tolerance_s)
            router = Router(name, webhook.events, channel.known_flows)
            sources.append(WebhookSource(name, webhook.header, verify, router.route))
    if not sources:
        raise ConfigError(
            f"{channel.path}: listen has neither {' nor '.join(keys)}, so no system's messages can be verified.",
            "Set the secret of at least one system.",
        )
    return sources


def bound_socket(host: str, port: int, verb: str) -> socket.socket:
    """Raises ConfigError if the address cannot be used."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigError(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}.",
            f"Use another {verb}.port or --port (0 is any free port), and a {verb}.host of this machine.",
        ) from error


def quiet_server(app: ASGIApp, max_connections: int) -> uvicorn.Server:
    """A server that logs errors only and leaves the signals to `on_signals`."""
    # h11, because the other parser refuses a header that continues on a second line, as in Centra's samples.
    return _Server(
        uvicorn.Config(
            app, http="h11", ws="none", lifespan="off", log_config=None, log_level="error", access_log=False,
            proxy_headers=False, server_header=False, limit_concurrency=max_connections, timeout_graceful_shutdown=2,
        )
    )  # fmt: skip


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to `on_signals`, which also stops the current run."""
        yield


async def _live(
    channel: Channel,
    settings: Listen,
    sources: list[WebhookSource],
    runner: RunLauncher,
    sock: socket.socket,
    ready: Callable[[], None],
) -> None:
    loop = asyncio.get_running_loop()
    flows = channel.in_order(())
    poll_s = None if settings.poll_minutes is None else settings.poll_minutes * 60
    schedule = RunSchedule(flows, settings.settle_s, settings.longest_s, poll_s, loop.time())
    dispatcher = Dispatcher(schedule, runner)
    receiver = WebhookReceiver(channel.name, sources, flows, dispatcher.hint, dispatcher.facts)
    server = quiet_server(receiver.app, MAX_CONNECTIONS)

    def stop() -> None:
        server.should_exit = True
        dispatcher.stop()

    with on_signals(lambda: loop.call_soon_threadsafe(stop)):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([sock]))
            while not server.started:
                await asyncio.sleep(0)
            ready()
            tasks.create_task(dispatcher.go())
    log.info("listening ended")


@contextlib.contextmanager
def on_signals(stop: Callable[[], object]) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
