"""Webhooks on their way out: sent beside the answering of requests, and what came of each."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from pipelines.sandbox.common.clock import Clock, utc
from pipelines.sandbox.common.switches import CentraSwitches, MyogoSwitches

KEPT = 100_000
LARGEST_ANSWER = 1 << 20
PAUSE_S = 0.2


@dataclass(frozen=True)
class Message:
    """One call of a receiver; `event` is what it tells, for people."""

    side: str
    event: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Delivery:
    """An attempt at a message; `status` and `error` are None while it is under way."""

    side: str
    event: str
    url: str
    attempt: int
    at: str
    status: int | None = None
    error: str | None = None


Make = Callable[[list[Any]], list[Message]]


class Deliveries:
    """Gathers what one side tells, makes messages of it and sends each receiver its own one after the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[int, Delivery] = {}
        self._next = 1
        self._waiting: dict[str, list[Any]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest: dict[tuple[str, str], asyncio.Task[None]] = {}

    def gather(self, side: str, thing: Any, make: Make, switches: CentraSwitches | MyogoSwitches) -> None:
        """Has the thing told soon, together with others of its side; nothing once the servers have stopped."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        things = self._waiting.setdefault(side, [])
        things.append(thing)
        if len(things) == 1:
            delay = switches.webhook_delay_ms / 1000
            self._timers[side] = loop.call_later(delay, self._flush, side, make, switches)

    def entries(self) -> list[dict[str, Any]]:
        """The newest attempts, oldest first."""
        return [asdict(delivery) for delivery in self._made.values()]

    def clear(self) -> None:
        """Forgets what was sent and gives up what was not."""
        self._waiting.clear()
        while self._timers:
            self._timers.popitem()[1].cancel()
        self._latest.clear()
        while self._tasks:
            self._tasks.pop().cancel()
        self._made.clear()

    def _flush(self, side: str, make: Make, switches: CentraSwitches | MyogoSwitches) -> None:
        things = self._waiting.pop(side, [])
        if switches.webhook_order == "reversed":
            things.reverse()
        messages = [message for message in make(things) for _ in range(switches.webhook_copies)]
        for url in sorted({message.url for message in messages}):
            own = [message for message in messages if message.url == url]
            sending = self._send(own, switches, self._latest.get((side, url)))
            task = self._latest[side, url] = asyncio.get_running_loop().create_task(sending)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(
        self, messages: Sequence[Message], switches: CentraSwitches | MyogoSwitches, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        for message in messages:
            for attempt in range(1, switches.webhook_retries + 2):
                if await self._delivered(message, attempt, switches.webhook_timeout_s):
                    break
                if attempt <= switches.webhook_retries:
                    await asyncio.sleep(PAUSE_S * attempt)

    async def _delivered(self, message: Message, attempt: int, timeout_s: int) -> bool:
        """Whether the receiver said yes; what came of it stands in the list."""
        serial, now = self._next, utc(self._clock.now())
        self._next += 1
        made = self._made[serial] = Delivery(message.side, message.event, message.url, attempt, now)
        if len(self._made) > KEPT:
            del self._made[next(iter(self._made))]
        try:
            async with asyncio.timeout(timeout_s):
                made = replace(made, status=await _answered(message))
        except TimeoutError:
            made = replace(made, error=f"no answer in {timeout_s} s")
        except (OSError, ValueError, EOFError) as problem:
            made = replace(made, error=str(problem) or type(problem).__name__)
        self._made[serial] = made
        return made.status is not None and 200 <= made.status < 300


async def _answered(message: Message) -> int:
    """The status of the receiver's answer. OSError, ValueError or EOFError if there is none."""
    parts = urlsplit(message.url)
    host = parts.hostname or ""
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(
        _on_this_machine(host), port, ssl=secure, server_hostname=host if secure else None
    )
    try:
        lines = [f"POST {parts.path or '/'}{'?' if parts.query else ''}{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in message.headers]
        lines += [f"Content-Length: {len(message.body)}", "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode("latin-1") + message.body)
        await writer.drain()
        status = int((await reader.readline()).split()[1:2][0])
        await reader.read(LARGEST_ANSWER)
    except IndexError:
        raise ValueError("the answer is not HTTP") from None
    finally:
        writer.close()
    return status


def _on_this_machine(host: str) -> str:
    """The loopback address of that name; OSError for any other, because the sandbox stays on its machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        if ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise OSError(f"the sandbox sends to this machine only, not to {host}")
