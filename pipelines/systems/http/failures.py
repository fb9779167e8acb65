"""Errors of calls without a usable answer: whether the request was provably not sent, and what to check."""

from __future__ import annotations

import ssl
import traceback

from pipelines.core.errors import CentraMyogoError, ConfigError, TargetUnavailable, TargetUnknown, walk_causes
from pipelines.core.logs import excerpt, redact

TOO_MANY_REQUESTS = 429
_REFUSED = "Check the host and port in the channel file; if they are right, the system is down: run again later."
_START_SANDBOX = (
    "Start the stand-ins first, in another terminal: centra-myogo sandbox. "
    "If no stand-in should answer there, check the host and port in the channel file."
)


class CallFailed(Exception):
    """A call without a usable answer. `status` is the HTTP status, if any; `wait_s` the wait that the system requested.

    `fix` states what to check, if the failure shows it.
    """

    def __init__(self, message: str, status: int | None = None, wait_s: float | None = None, fix: str = "") -> None:
        self.message = redact(message)
        super().__init__(self.message)
        self.status = status
        self.wait_s = wait_s
        self.fix = fix

    @property
    def reason(self) -> str:
        """The failure in a few words: without the system and its address, and without its answer."""
        if self.status is not None:
            return f"HTTP {self.status}"
        return self.message.partition(": ")[2].partition(":")[0]


class RequestNotSent(CallFailed):
    pass


class NoAnswer(CallFailed):
    pass


class AnswerTooLarge(NoAnswer):
    pass


class ServerBusy(CallFailed):
    pass


class RedirectNotFollowed(CallFailed):
    pass


class WriteRedirected(ConfigError):
    """A system answered with a redirect. It may have served a write all the same; only a look-up can show that."""


def write_error(at: str, failed: CallFailed, credential: str, url_fix: str, default_fix: str) -> CentraMyogoError:
    """The error of a write without a usable answer.

    WriteRedirected or TargetUnknown: it may have been served. TargetUnavailable: it provably was not. `at` names the
    call, `credential` what we do not send to another address; `default_fix` applies if the failure has no fix.
    """
    if isinstance(failed, RedirectNotFollowed):
        message = f"{at}: {failed.message}. Our {credential} is never sent on to another address."
        return WriteRedirected(message, url_fix)
    if isinstance(failed, RequestNotSent) or failed.status == TOO_MANY_REQUESTS:
        return TargetUnavailable(f"{at}: {failed.message}.", failed.fix or default_fix)
    return TargetUnknown(f"{at}: {failed.message}.", status=failed.status, wait_s=failed.wait_s)


def failure_of(who: str, error: Exception, *, on_this_machine: bool = False) -> CallFailed:
    """The failure of a call to `who`: RequestNotSent if the request provably did not leave, else NoAnswer."""
    links = walk_causes(error, "reason", "__cause__")
    names = {type(link).__name__ for link in links}
    if names & {"NameResolutionError", "gaierror"}:
        return RequestNotSent(
            f"{who}: the host name is not known (DNS)",
            fix="Check the host name in the channel file, and whether this machine can resolve host names.",
        )
    if names & {"InvalidURL", "LocationParseError"}:
        return RequestNotSent(
            f"{who}: this is not a web address: {_root_cause(links)}", fix="Correct the address in the channel file."
        )
    if any(isinstance(link, ssl.SSLError) for link in links):
        # After the handshake the request may have been sent.
        kind = RequestNotSent if any(_in_handshake(link) for link in links) else NoAnswer
        return kind(
            f"{who}: the TLS connection failed: {_root_cause(links)}",
            fix="Check the host and port in the channel file, then this machine's clock and its CA certificates.",
        )
    if "ConnectionRefusedError" in names:
        return RequestNotSent(
            f"{who}: connection refused: nothing listens there", fix=_START_SANDBOX if on_this_machine else _REFUSED
        )
    if names & {"ConnectTimeout", "ProxyError", "NewConnectionError"}:
        return RequestNotSent(
            f"{who}: no connection: {_root_cause(links)}",
            fix="Check the host in the channel file, and whether a firewall or a proxy blocks the connection.",
        )
    return NoAnswer(f"{who}: {_root_cause(links)}")


def _in_handshake(error: BaseException) -> bool:
    return any(frame.f_code.co_name == "do_handshake" for frame, _ in traceback.walk_tb(error.__traceback__))


def _root_cause(links: list[BaseException]) -> str:
    """The root cause in plain words."""
    names = {type(link).__name__ for link in links}
    if names & {"ConnectTimeout", "ConnectTimeoutError"}:
        return "no connection in time"
    if names & {"ReadTimeout", "ReadTimeoutError", "TimeoutError"}:
        return "no answer in time"
    if names & {"RemoteDisconnected", "ConnectionResetError", "ProtocolError", "IncompleteRead"}:
        return "the connection was closed before the answer was complete"
    return excerpt(str(links[-1]), 200)
