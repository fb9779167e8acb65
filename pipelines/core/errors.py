"""What can go wrong, grouped by what the machine should do about it.

CentraMyogoError                 exit  then
├── InternalError                1     a bug in this program: stop, please report
├── ConfigError                  2     stop before anything
│   ├── CredentialsError         2     a system rejected our key, or the key lacks a permission
│   └── StorageError             2     the disk is full, or a working file is damaged, held or too new
├── RecordError                        next record; the run ends with 3
│   ├── TargetRefused                  the target said no to this record
│   └── TargetUnknown                  the target never answered what became of it
├── UnsafePlan                   4     stop; nothing was written
├── RemoteSystemError            5     stop; safe to run again
│   ├── SourceError                    a system we read from did not answer as it should
│   │   └── ContractError              it answered, but a field we rely on is missing or of another type
│   └── TargetUnavailable              the system we write to is not there
│       └── TargetLost                 it went away before it said what became of a record
├── Interrupted                  5     somebody asked us to stop; the change in flight was finished
└── ChannelBusy                  6     another run holds the channel
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.core.logs import redact


def walk_causes(error: BaseException, *links: str) -> list[BaseException]:
    """The error and what lies below it, nearest first: by the attributes named, and among its arguments."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue and len(found) < 50:
        link = queue.pop(0)
        if isinstance(link, BaseException) and link not in found:
            found.append(link)
            queue += [*(getattr(link, name, None) for name in links), *link.args]
    return found


@dataclass(frozen=True)
class Entry:
    """What the error reference says about a kind of failure; `owner` is who can fix it."""

    id: str
    meaning: str
    cause: str
    fix: str
    owner: str


class CentraMyogoError(Exception):
    """A failure we can explain: `message` says what happened and to what, `fix` what to do next.

    Messages quote what systems said; a secret that one of them repeats is masked here, before anybody reads it.
    """

    exit_code = 1
    outcome = "internal_error"
    entry = Entry(
        "FAULT-001",
        "Internal error: a check that this program makes on itself failed.",
        "A bug in this program.",
        "Report it with what `centra-myogo --log debug` prints; what was done is recorded in sync.journal.",
        "us",
    )

    def __init__(self, message: str, fix: str = "") -> None:
        # Half a character (a lone surrogate) that a system sent could be neither printed nor stored.
        self.message = redact(message).encode("utf-8", "replace").decode()
        self.fix = redact(fix).encode("utf-8", "replace").decode()
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n{self.fix}" if self.fix else self.message


class InternalError(CentraMyogoError):
    """A check that this program makes on itself failed: a bug."""


class ConfigError(CentraMyogoError):
    exit_code = 2
    outcome = "config"
    entry = Entry(
        "CONFIG-001",
        "The channel file, a secret's place, an address or a folder is not right.",
        "A typing error, a missing variable or file, or an address that leads elsewhere.",
        "Do what the message says, then run check.",
        "whoever runs it",
    )


class CredentialsError(ConfigError):
    outcome = "credentials"
    entry = Entry(
        "CRED-001",
        "A system turned our credentials down, or they lack a right.",
        "A wrong or renewed key, a group of endpoints that is not ticked for it, a scope that is not granted.",
        "Do what the message says, then run check.",
        "whoever runs it",
    )


class StorageError(ConfigError):
    outcome = "storage"
    entry = Entry(
        "STORE-001",
        "A working file cannot be read or written; no change is sent that cannot be recorded.",
        "A full disk, rights, a damaged file, one that a newer version wrote, or one that another program holds open.",
        "Do what the message says; --rebuild makes everything anew from the two systems and keeps the history.",
        "whoever runs it",
    )


class RecordError(CentraMyogoError):
    exit_code = 3
    outcome = "attention"

    def __init__(self, message: str, fix: str = "", status: int | None = None) -> None:
        super().__init__(message, fix)
        self.status = status


class TargetRefused(RecordError):
    """`stale` says that the target did not hold what had been read: the next run must read everything."""

    entry = Entry(
        "TARGET-001",
        "A system refused a change; the others went on.",
        "A value that it does not take, a payment that cannot be captured, a bundle; the message is the system's own.",
        "Correct what the message names, mostly in the source system; the next push tries again.",
        "the source system",
    )

    def __init__(self, message: str, fix: str = "", status: int | None = None, *, stale: bool = False) -> None:
        super().__init__(message, fix, status)
        self.stale = stale


class TargetUnknown(RecordError):
    """`wait_s` is how long the target asked us to wait, where it did."""

    entry = Entry(
        "TARGET-002",
        "The outcome of a write is not known, not even after looking it up.",
        "The connection broke off before the system answered.",
        "Run again: the plan is made from what both sides hold then.",
        "nobody, run again",
    )

    def __init__(self, message: str, fix: str = "", status: int | None = None, wait_s: float | None = None) -> None:
        super().__init__(message, fix, status)
        self.wait_s = wait_s


class UnsafePlan(CentraMyogoError):
    exit_code = 4
    outcome = "refused"
    entry = Entry(
        "LIMIT-001",
        "A safety limit, an expectation or a fingerprint refused the plan; nothing was written.",
        "More would change or less was read than is normal for this shop, one side answers for another shop, or "
        "something changed since the plan was reviewed.",
        "Do what the message says, and review the plan; then push with --force or a new --expect, or set the limits to "
        "what is normal.",
        "operations",
    )


class RemoteSystemError(CentraMyogoError):
    exit_code = 5
    outcome = "unavailable"


class SourceError(RemoteSystemError):
    entry = Entry(
        "SOURCE-001",
        "A system we read from did not answer as it should; nothing was written.",
        "An outage, maintenance, or paging that stands still.",
        "Run again later; if it stays, show the message to the system's support.",
        "nobody, run again",
    )


class ContractError(SourceError):
    outcome = "contract"
    entry = Entry(
        "CONTRACT-001",
        "A field that we rely on is missing or has an unexpected type; nothing was written.",
        "The system's answers have changed.",
        "Show the message, which names field and row, to whoever runs the system, and to us.",
        "the system that the message names",
    )


class TargetUnavailable(RemoteSystemError):
    entry = Entry(
        "TARGET-003",
        "The system we write to is not there, or asks to wait too long; the rest was not attempted.",
        "An outage, maintenance, or a rate limit.",
        "Run again later.",
        "nobody, run again",
    )


class TargetLost(TargetUnavailable):
    """Stop, and nobody knows what became of the record: asking for it ended in `trouble`."""

    def __init__(self, unclear: CentraMyogoError, trouble: CentraMyogoError) -> None:
        super().__init__(f"{unclear.message} Looking it up failed: {trouble.message}", trouble.fix)
        self.exit_code, self.outcome = trouble.exit_code, trouble.outcome


class Interrupted(CentraMyogoError):
    exit_code = 5
    outcome = "interrupted"
    entry = Entry(
        "STOP-001",
        "Somebody asked the run to stop; the change in flight was finished and recorded.",
        "Ctrl-C, or a scheduler that ended the run.",
        "Run again to do the rest.",
        "nobody, run again",
    )


class ChannelBusy(CentraMyogoError):
    exit_code = 6
    outcome = "busy"
    entry = Entry(
        "LOCK-001",
        "Another run of this channel holds the lock; nothing was done.",
        "Two runs at once.",
        "Wait until it ends; the message says who holds it and since when.",
        "nobody, wait",
    )
