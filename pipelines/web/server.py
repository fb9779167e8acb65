"""`serve`: one process with the pages, the schedule and the webhooks of all channels."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from starlette.concurrency import run_in_threadpool

from pipelines.config.project import Project
from pipelines.config.serve import Serve, load_serve
from pipelines.core.errors import ConfigError
from pipelines.reports.alerts import notify_stale
from pipelines.web.access import protect
from pipelines.web.access.users_file import UsersFile
from pipelines.web.acts import Act
from pipelines.web.app import application
from pipelines.web.channel_overview import keep_overviews, last_start
from pipelines.web.project_channels import ProjectChannels
from pipelines.webhooks.server import bound_socket, on_signals, quiet_server
from pipelines.webhooks.warm_process import ForkServer

log = logging.getLogger(__name__)
MAX_CONNECTIONS = 256
FILES_EVERY_S = 5.0
STALE_EVERY_S = 60.0


def serve(
    project: Project,
    data: Path,
    host: str | None,
    port: int | None,
    on_ready: Callable[[str], None],
    acts: Sequence[Act] = (),
) -> None:
    """Serves until SIGINT or SIGTERM. Calls `on_ready` with the address of the first page once it answers there.

    Raises ConfigError.
    """
    project.load_environment()
    settings = load_serve(project)
    users = UsersFile(project, settings)
    if host is not None or port is not None:
        settings = settings.with_address(host, port)
    with _only_one(data):
        sock = bound_socket(settings.host, settings.port, "serve")
        host_name, number = sock.getsockname()[:2]
        settings = settings.with_address(None, number)
        address = f"http://{f'[{host_name}]' if ':' in host_name else host_name}:{number}/"
        with contextlib.closing(sock):
            asyncio.run(_live(project, data, settings, users, sock, acts, lambda: on_ready(address)))


async def look_for_stale(channels: ProjectChannels, stopped: asyncio.Event, every_s: float = STALE_EVERY_S) -> None:
    """Sends the alert of a channel whose last good push is too old, also while nothing pushes: now, and every so many
    seconds."""
    while not stopped.is_set():
        channels.refresh()
        await run_in_threadpool(notify_stale, channels.usable(), channels.data)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), every_s)


@contextlib.contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Two schedules of the same channels would start every run twice. Raises ConfigError."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data / "serve.lock", timeout=0, fallback_to_soft=False)
        lock.acquire()
    except Timeout as error:
        raise ConfigError(
            f"The pages of this project run already (they hold {data / 'serve.lock'}).",
            "Stop them first, or use those.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{data / 'serve.lock'} cannot be locked: {error.strerror or error}.",
            "Give --data (or CENTRA_MYOGO_DATA) a folder that this user may write to.",
        ) from error
    try:
        yield
    finally:
        lock.release()


async def _live(
    project: Project,
    data: Path,
    settings: Serve,
    users: UsersFile,
    sock: socket.socket,
    acts: Sequence[Act],
    ready: Callable[[], None],
) -> None:
    loop = asyncio.get_running_loop()
    forks = ForkServer() if settings.warm_runs else None
    if forks is not None:
        with contextlib.suppress(OSError):  # each run tries again, or starts without it and says so
            forks.begin()
    channels = ProjectChannels(project, data, settings.parallel_runs, forks)
    guard = protect(application(channels, acts), settings, users=users)
    server = quiet_server(guard, MAX_CONNECTIONS)
    stopped = asyncio.Event()

    def stop() -> None:
        server.should_exit = True
        stopped.set()
        channels.stop()

    with on_signals(lambda: loop.call_soon_threadsafe(stop)):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([sock]))
            while not server.started:
                await asyncio.sleep(0)
            ready()
            tasks.create_task(channels.begin_schedule(last_start))
            tasks.create_task(keep_overviews(channels, stopped))
            tasks.create_task(look_for_stale(channels, stopped))
            while not stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopped.wait(), FILES_EVERY_S)
                if not stopped.is_set():
                    guard.refresh_users()
                    channels.refresh()
            await channels.ended()
    log.info("serving ended")
