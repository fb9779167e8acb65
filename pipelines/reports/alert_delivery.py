"""Sends a message to the targets of a channel, in bounded time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import wait
from functools import partial
from typing import TYPE_CHECKING

from pipelines.config.alerts import alert_target, place_of, require_apprise
from pipelines.core.background import start_in_background
from pipelines.core.errors import ConfigError
from pipelines.core.secret import Secret

if TYPE_CHECKING:
    from apprise import NotifyBase, NotifyType

log = logging.getLogger(__name__)
LONGEST_S = 10.0  # of all targets together, which are called at the same time


def deliver(urls: Sequence[Secret], title: str, body: str, *, kind: str) -> bool:
    """Whether at least one target took the message. `kind` is success, warning or failure. A target that fails, or does
    not answer within LONGEST_S, is one log warning without its address."""
    try:
        require_apprise()
    except ConfigError as error:
        log.warning("no alert was sent: %s %s", error.message, error.fix)
        return False
    from apprise import NotifyType

    sent = {}
    for secret in dict.fromkeys(urls):
        try:
            send = partial(_send, alert_target(secret), title, body, NotifyType(kind))
        except ConfigError as error:
            log.warning("the alert was not sent to one target: %s %s", error.message, error.fix)
        else:
            sent[place_of(secret)] = start_in_background(send)
    done, _ = wait(sent.values(), LONGEST_S)
    took = 0
    for place, future in sent.items():
        if future not in done:
            log.warning("the target in %s did not answer within %g s", place, LONGEST_S)
        elif (failure := future.exception()) or not future.result():
            reason = f" ({type(failure).__name__})" if failure else ""
            log.warning("the target in %s did not take the alert%s; run check for this channel", place, reason)
        else:
            took += 1
    return took > 0


def _send(target: NotifyBase, title: str, body: str, kind: NotifyType) -> bool:
    from apprise import Apprise, NotifyFormat

    service = Apprise()
    service.add(target)
    return bool(service.notify(body=body, title=title, notify_type=kind, body_format=NotifyFormat.TEXT))
