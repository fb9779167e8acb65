"""Sends webhooks while the servers answer requests, and keeps the result of each attempt."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from pipelines.sandbox.common.clock import Clock, utc
from pipelines.sandbox.common.switches import CentraSwitches, MyogoSwitches

MAX_ATTEMPTS_KEPT = 100_000
MAX_ANSWER_BYTES = 1 << 20
RETRY_PAUSE_S = 0.2


@dataclass(frozen=True)
class Message:
    """One call of a receiver; `event` names its events for the list of attempts."""

    side: str
    event: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Delivery:
    """An attempt to deliver a message; `status` and `error` are None while it is under way."""

    side: str
    event: str
    url: str
    attempt: int
    at: str
    status: int | None = None
    error: str | None = None


MakeMessages = Callable[[list[Any]], list[Message]]


class Deliveries:
    """Gathers the events of a side, makes messages of them and sends each receiver its messages one after the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deliveries: dict[int, Delivery] = {}
        self._next = 1
        self._events: dict[str, list[Any]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest: dict[tuple[str, str], asyncio.Task[None]] = {}

    def gather(
        self, side: str, event: Any, make_messages: MakeMessages, switches: CentraSwitches | MyogoSwitches
    ) -> None:
        """Sends the event after `webhook_delay_ms`, with the side's other events; never after the servers stopped."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        events = self._events.setdefault(side, [])
        events.append(event)
        if len(events) == 1:
            delay = switches.webhook_delay_ms / 1000
            self._timers[side] = loop.call_later(delay, self._flush, side, make_messages, switches)

    def entries(self) -> list[dict[str, Any]]:
        """The newest attempts, oldest first."""
        return [asdict(delivery) for delivery in self._deliveries.values()]

    def clear(self) -> None:
        """Forgets all attempts, and cancels what is not sent yet."""
        self._events.clear()
        while self._timers:
            self._timers.popitem()[1].cancel()
        self._latest.clear()
        while self._tasks:
            self._tasks.pop().cancel()
        self._deliveries.clear()

    def _flush(self, side: str, make_messages: MakeMessages, switches: CentraSwitches | MyogoSwitches) -> None:
        events = self._events.pop(side, [])
        if switches.webhook_order == "reversed":
            events.reverse()
        messages = [message for message in make_messages(events) for _ in range(switches.webhook_copies)]
        for url in sorted({message.url for message in messages}):
            for_url = [message for message in messages if message.url == url]
            sending = self._send(for_url, switches, self._latest.get((side, url)))
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
                if await self._deliver(message, attempt, switches.webhook_timeout_s):
                    break
                if attempt <= switches.webhook_retries:
                    await asyncio.sleep(RETRY_PAUSE_S * attempt)

    async def _deliver(self, message: Message, attempt: int, timeout_s: int) -> bool:
        """Whether the receiver answered with a 2xx status; keeps the result of the attempt."""
        serial, now = self._next, utc(self._clock.now())
        self._next += 1
        delivery = self._deliveries[serial] = Delivery(message.side, message.event, message.url, attempt, now)
        if len(self._deliveries) > MAX_ATTEMPTS_KEPT:
            del self._deliveries[next(iter(self._deliveries))]
        try:
            async with asyncio.timeout(timeout_s):
                delivery = replace(delivery, status=await _post(message))
        except TimeoutError:
            delivery = replace(delivery, error=f"no answer in {timeout_s} s")
        except (OSError, ValueError, EOFError) as problem:
            delivery = replace(delivery, error=str(problem) or type(problem).__name__)
        self._deliveries[serial] = delivery
        return delivery.status is not None and 200 <= delivery.status < 300


async def _post(message: Message) -> int:
    """The status of the receiver's answer. OSError, ValueError or EOFError if there is no answer."""
    parts = urlsplit(message.url)
    host = parts.hostname or ""
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(
        _loopback_address(host), port, ssl=secure, server_hostname=host if secure else None
    )
    try:
        lines = [f"POST {parts.path or '/'}{'?' if parts.query else ''}{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in message.headers]
        lines += [f"Content-Length: {len(message.body)}", "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode("latin-1") + message.body)
        await writer.drain()
        status = int((await reader.readline()).split()[1:2][0])
        await reader.read(MAX_ANSWER_BYTES)
    except IndexError:
        raise ValueError("the answer is not HTTP") from None
    finally:
        writer.close()
    return status


def _loopback_address(host: str) -> str:
    """The loopback address of the host name; OSError for any other host, because the sandbox stays on its machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        if ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise OSError(f"the sandbox sends to this machine only, not to {host}")
