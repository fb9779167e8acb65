"""Why a call brought no usable answer: did the request provably not leave, and what should a person look at?"""

from __future__ import annotations

import ssl
import traceback

from pipelines.core.errors import CentraMyogoError, ConfigError, TargetUnavailable, TargetUnknown, walk_causes
from pipelines.core.logs import excerpt, redact

TOO_MANY_REQUESTS = 429


class CallFailed(Exception):
    """A call without a usable answer; `message` is fit for people. `status` where there was one.

    `fix` is what to look at, where the failure itself tells.
    """

    def __init__(self, message: str, status: int | None = None, wait_s: float | None = None, fix: str = "") -> None:
        self.message = redact(message)
        super().__init__(self.message)
        self.status = status
        self.wait_s = wait_s
        self.fix = fix


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
    """A system sent us elsewhere. A write may have been served all the same: only a look-up can tell."""


def outcome_of(at: str, failed: CallFailed, credential: str, url_fix: str, again: str) -> CentraMyogoError:
    """What a write that got no usable answer is reported as.

    WriteRedirected or TargetUnknown: it may have been served. TargetUnavailable: it provably was not. `at` names the
    call, `credential` is what we refuse to send on to another address, `again` is the advice where there is no better.
    """
    if isinstance(failed, RedirectNotFollowed):
        said = f"{at}: {failed.message}. Our {credential} is never sent on to another address."
        return WriteRedirected(said, url_fix)
    if isinstance(failed, RequestNotSent) or failed.status == TOO_MANY_REQUESTS:
        return TargetUnavailable(f"{at}: {failed.message}.", failed.fix or again)
    return TargetUnknown(f"{at}: {failed.message}.", status=failed.status, wait_s=failed.wait_s)


def failure_of(who: str, error: Exception) -> CallFailed:
    """What the failure means: did the request provably not leave, and what should a person look at?"""
    links = walk_causes(error, "reason", "__cause__")
    names = {type(link).__name__ for link in links}
    if names & {"NameResolutionError", "gaierror"}:
        return RequestNotSent(
            f"{who}: the host name is not known (DNS)",
            fix="Check the host name in the channel file, and whether this machine can look names up.",
        )
    if names & {"InvalidURL", "LocationParseError"}:
        return RequestNotSent(
            f"{who}: this is no web address: {_root(links)}", fix="Mend the address in the channel file."
        )
    if any(isinstance(link, ssl.SSLError) for link in links):
        # Past the handshake the request may have left.
        kind = RequestNotSent if any(_in_handshake(link) for link in links) else NoAnswer
        return kind(
            f"{who}: the TLS connection failed: {_root(links)}",
            fix="Check the host and port in the channel file, then this machine's clock and its CA certificates.",
        )
    if "ConnectionRefusedError" in names:
        return RequestNotSent(
            f"{who}: connection refused: nothing listens there",
            fix="Check the host and port in the channel file; if they are right, the system is down: run again later.",
        )
    if names & {"ConnectTimeout", "ProxyError", "NewConnectionError"}:
        return RequestNotSent(
            f"{who}: no connection: {_root(links)}",
            fix="Check the host in the channel file, and whether a firewall or a proxy stands in the way.",
        )
    return NoAnswer(f"{who}: {_root(links)}")


def _in_handshake(error: BaseException) -> bool:
    return any(frame.f_code.co_name == "do_handshake" for frame, _ in traceback.walk_tb(error.__traceback__))


def _root(links: list[BaseException]) -> str:
    """What went wrong at the bottom, in words people know."""
    names = {type(link).__name__ for link in links}
    if names & {"ConnectTimeout", "ConnectTimeoutError"}:
        return "no connection in time"
    if names & {"ReadTimeout", "ReadTimeoutError", "TimeoutError"}:
        return "no answer in time"
    if names & {"RemoteDisconnected", "ConnectionResetError", "ProtocolError", "IncompleteRead"}:
        return "the connection was closed before the answer was complete"
    return excerpt(str(links[-1]), 200)
