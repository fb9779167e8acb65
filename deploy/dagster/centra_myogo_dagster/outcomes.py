"""What an exit code of `centra-myogo push` means for the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from centra_myogo_dagster.command import Finished

RETRIES = 3
DONE, ATTENTION, UNAVAILABLE, BUSY = 0, 3, 5, 6
MEANINGS = {
    1: "internal error",
    2: "configuration or credentials",
    4: "a limit refused the plan; nothing was written",
    5: "a system was not available",
    6: "another run of this channel is at work",
}


class Then(Enum):
    """What the engine does."""

    MATERIALIZE = "record what was done"
    NOTHING = "record nothing: another run has the channel"
    RETRY = "try again later"
    FAIL = "fail at once"


@dataclass(frozen=True)
class Outcome:
    """`message` is that of the product, for a person; empty after a run that succeeded."""

    then: Then
    message: str = ""


def outcome_of(finished: Finished, attempt: int) -> Outcome:
    """`attempt` counts from 0; the last one that is not successful fails with the message of the product."""
    if finished.code in (DONE, ATTENTION) and finished.document:
        return Outcome(Then.MATERIALIZE)
    if finished.code == BUSY:
        return Outcome(Then.NOTHING, message_of(finished))
    if finished.code == UNAVAILABLE and attempt < RETRIES:
        return Outcome(Then.RETRY, message_of(finished))
    return Outcome(Then.FAIL, message_of(finished))


def message_of(finished: Finished) -> str:
    """What happened and what to do next, in the product's words; without them, the end of its log."""
    code = finished.code
    meaning = f"a signal ended it ({-code})" if code < 0 else MEANINGS.get(code, "")
    head = f"exit {code}{f': {meaning}' if meaning else ''}"
    error = finished.document.get("error")
    if isinstance(error, Mapping):
        words = [f"{head} [{error.get('id', '')}]", error.get("message", ""), error.get("fix", "")]
    else:
        words = [head, "\n".join(finished.stderr.strip().splitlines()[-20:])]
    return "\n".join(str(word) for word in words if word)


def needs_attention(document: Mapping[str, Any]) -> set[str]:
    """The flows that are the reason for an exit 3; all flows if the counts do not say which."""
    if document.get("exit_code") != ATTENTION:
        return set()
    flows: Mapping[str, Mapping[str, int]] = document.get("flows", {})
    reasons = ("withheld_new", "refused", "unknown")
    return {name for name, counts in flows.items() if any(counts.get(reason) for reason in reasons)} or {*flows}
