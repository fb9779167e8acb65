"""The errors of this program, grouped by how a run reacts to them.

CentraMyogoError                 exit  then
├── InternalError                1     a bug in this program: stop, please report
├── ConfigError                  2     stop before any work
│   ├── NoMatch                  2     an option selects no row
│   ├── CredentialsError         2     a system rejected our key, or the key lacks a permission
│   └── StorageError             2     the disk is full, or a working file is damaged, held or too new
├── RecordError                        next record; the run ends with 3
│   ├── TargetRefused                  the target refused this record
│   └── TargetUnknown                  the target gave no usable answer about this record
├── UnsafePlan                   4     stop; nothing was written
├── RemoteSystemError            5     stop; safe to run again
│   ├── SourceError                    a system we read from gave no usable answer
│   │   └── ContractError              it answered, but a required field is missing or has an unexpected type
│   ├── DataWarehouseUnavailable       the database of --to or --from is not available
│   ├── StateUnavailable               the database or the object store of [state] is not available
│   └── TargetUnavailable              the system we write to is not available
│       └── TargetLost                 it became unavailable before the outcome of a record was known
├── LeaseLost                    5     this machine's time with the channel ends: stop; safe to run again
├── Interrupted                  5     a signal stopped the run; the change in flight was finished
└── ChannelBusy                  6     another run holds the channel
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.core.logs import redact


def walk_causes(error: BaseException, *links: str) -> list[BaseException]:
    """The error and its causes, nearest first: the exceptions in its attributes `links` and in its arguments."""
    causes: list[BaseException] = []
    queue: list[object] = [error]
    while queue and len(causes) < 50:
        link = queue.pop(0)
        if isinstance(link, BaseException) and link not in causes:
            causes.append(link)
            queue += [*(getattr(link, name, None) for name in links), *link.args]
    return causes


@dataclass(frozen=True)
class Entry:
    """An error class in the error reference; `owner` names who can fix the error."""

    id: str
    meaning: str
    cause: str
    fix: str
    owner: str


class CentraMyogoError(Exception):
    """An expected failure. `message` states what happened and to which record or file, `fix` what to do next.

    Messages may quote a system's answer; secrets in it are masked here.
    """

    exit_code = 1
    outcome = "internal_error"
    entry = Entry(
        "FAULT-001",
        "Internal error: a check that this program makes on itself failed.",
        "A bug in this program.",
        "Report it with the output of `centra-myogo --log debug`; sync.journal records what was written.",
        "us",
    )

    def __init__(self, message: str, fix: str = "") -> None:
        # A lone surrogate from a system could be neither printed nor stored.
        self.message = redact(message).encode("utf-8", "replace").decode()
        self.fix = redact(fix).encode("utf-8", "replace").decode()
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n{self.fix}" if self.fix else self.message


class InternalError(CentraMyogoError):
    """A check that this program makes on itself failed; this is a bug."""


class ConfigError(CentraMyogoError):
    exit_code = 2
    outcome = "config"
    entry = Entry(
        "CONFIG-001",
        "The channel file, the location of a secret, an address or a folder is wrong.",
        "A typing error, a missing variable or file, or a wrong address.",
        "Follow the message, then run check.",
        "operations",
    )


class NoMatch(ConfigError):
    """An option selects no row."""

    outcome = "no_match"


class CredentialsError(ConfigError):
    outcome = "credentials"
    entry = Entry(
        "CRED-001",
        "A system rejected our credentials, or they lack a permission.",
        "A wrong or renewed key, an endpoint group that is not ticked for the key, or a scope that is not granted.",
        "Follow the message, then run check.",
        "operations",
    )


class StorageError(ConfigError):
    outcome = "storage"
    entry = Entry(
        "STORE-001",
        "A working file cannot be read or written; a change that cannot be recorded is not sent.",
        "A full disk, missing permissions, a damaged file, a file that a newer version wrote, or a file that another "
        "program holds open.",
        "Follow the message; --rebuild reads everything again from the two systems and keeps the history.",
        "operations",
    )


class RecordError(CentraMyogoError):
    exit_code = 3
    outcome = "attention"

    def __init__(self, message: str, fix: str = "", status: int | None = None) -> None:
        super().__init__(message, fix)
        self.status = status


class TargetRefused(RecordError):
    """`stale` means that the target's records differ from what was read: the next run must read everything. `final`
    means that the target refuses the same value whenever it is sent."""

    entry = Entry(
        "TARGET-001",
        "A system refused a change; the other changes were still sent.",
        "A value that the system does not accept, a payment that cannot be captured, or a bundle; the message comes "
        "from the system.",
        "Correct what the message names, usually in the source system; the next push tries again.",
        "the source system",
    )

    def __init__(
        self, message: str, fix: str = "", status: int | None = None, *, stale: bool = False, final: bool = False
    ) -> None:
        super().__init__(message, fix, status)
        self.stale, self.final = stale, final


class TargetUnknown(RecordError):
    """`wait_s` is the wait that the target requested (Retry-After, in seconds), if any."""

    entry = Entry(
        "TARGET-002",
        "The outcome of a write is unknown, even after a look-up.",
        "The connection broke before the system answered.",
        "Run again: the next plan compares what both systems hold then.",
        "run again",
    )

    def __init__(self, message: str, fix: str = "", status: int | None = None, wait_s: float | None = None) -> None:
        super().__init__(message, fix, status)
        self.wait_s = wait_s


class UnsafePlan(CentraMyogoError):
    exit_code = 4
    outcome = "refused"
    entry = Entry(
        "LIMIT-001",
        "A safety limit, a catalogue check or a fingerprint refused the plan; nothing was written.",
        "More would change or less was read than is normal for this shop, one system returned another shop's data, or "
        "data changed after the plan was reviewed.",
        "Follow the message and review the plan; then push with --force or a new --expect, or adjust the limits to "
        "normal values.",
        "operations",
    )


class RemoteSystemError(CentraMyogoError):
    exit_code = 5
    outcome = "unavailable"


class SourceError(RemoteSystemError):
    entry = Entry(
        "SOURCE-001",
        "A system we read from gave no usable answer; nothing was written.",
        "An outage, maintenance, or paging that does not advance.",
        "Run again later; if the error persists, show the message to the system's support.",
        "run again",
    )


class ContractError(SourceError):
    outcome = "contract"
    entry = Entry(
        "CONTRACT-001",
        "A required field is missing or has an unexpected type; nothing was written.",
        "The system's answers have changed.",
        "Show the message, which names field and row, to the system's support and to us.",
        "the system that the message names",
    )


class TargetUnavailable(RemoteSystemError):
    entry = Entry(
        "TARGET-003",
        "The system we write to is not available, or requires too long a wait; the remaining changes were not sent.",
        "An outage, maintenance, or a rate limit.",
        "Run again later.",
        "run again",
    )


class TargetLost(TargetUnavailable):
    """Stop. The outcome of the record is unknown, because its look-up failed with `look_up_error`."""

    def __init__(self, unclear: CentraMyogoError, look_up_error: CentraMyogoError) -> None:
        super().__init__(f"{unclear.message} Looking it up failed: {look_up_error.message}", look_up_error.fix)
        self.exit_code, self.outcome = look_up_error.exit_code, look_up_error.outcome


class StateUnavailable(RemoteSystemError):
    entry = Entry(
        "STATE-001",
        "The database or the object store that the machines of a channel share is not available; no further change was "
        "sent.",
        "An outage, a wrong address in [state], or missing rights.",
        "Run again later; if the error persists, run check, which tries both.",
        "operations",
    )


class DataWarehouseUnavailable(RemoteSystemError):
    entry = Entry(
        "EXPORT-001",
        "The database with the tables of all channels is not available, or it refused the tables.",
        "An outage, a wrong address or password in --to or --from, or an export that takes long.",
        "Follow the message and run again: a repeated export doubles nothing.",
        "operations",
    )


class LeaseLost(CentraMyogoError):
    exit_code = 5
    outcome = "unavailable"
    entry = Entry(
        "STATE-002",
        "This machine's lease of the channel ended before the run did; no further change was sent.",
        "The machine was suspended or frozen, or it did not reach the database of [state] for minutes.",
        "Run again: the next run, on any machine, sends the remaining changes.",
        "run again",
    )


class Interrupted(CentraMyogoError):
    exit_code = 5
    outcome = "interrupted"
    entry = Entry(
        "STOP-001",
        "A signal stopped the run; the change in flight was finished and recorded.",
        "Ctrl-C, or a scheduler that ended the run.",
        "Run again to send the remaining changes.",
        "run again",
    )


class ChannelBusy(CentraMyogoError):
    exit_code = 6
    outcome = "busy"
    entry = Entry(
        "LOCK-001",
        "Another run of this channel holds the lock; this run did nothing.",
        "Two runs at once, on one machine or, with [state], on two.",
        "Wait until the other run ends; the message names it.",
        "wait",
    )
