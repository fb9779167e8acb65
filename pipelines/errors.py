"""What can go wrong, grouped by what the machine should do about it.

CentraMyogoError                 exit  then
├── OurFault                     1     a fault of ours: stop, tell, please report
├── ConfigError                  2     stop before anything
│   └── CredentialsError         2     a system turned our key down, or it lacks a right
├── RecordError                        next record; the run ends with 3
│   ├── TargetRefused                  the target said no to this record
│   └── TargetUnknown                  the target never said what became of it
├── UnsafePlan                   4     stop; nothing was written
├── SystemTrouble                5     stop; safe to run again
│   ├── SourceError                    a system we read from did not answer as it should
│   │   └── ContractError              it answered, but a field we rely on is not what it was
│   └── TargetUnavailable              the system we write to is not there
│       └── TargetLost                 it went away before it said what became of a record
├── Interrupted                  5     somebody asked us to stop; the change in flight was finished
└── ChannelBusy                  6     another run holds the channel
"""

from __future__ import annotations

from pipelines.logs import redact


class CentraMyogoError(Exception):
    """A failure we can explain: `message` says what happened and to what, `fix` what to do next.

    Messages quote what systems said; a secret that one of them repeats is masked here, before anybody reads it.
    """

    exit_code = 1
    outcome = "fault"

    def __init__(self, message: str, fix: str = "") -> None:
        self.message = redact(message)
        self.fix = redact(fix)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n{self.fix}" if self.fix else self.message


class OurFault(CentraMyogoError):
    """A promise this program makes about itself does not hold."""


class ConfigError(CentraMyogoError):
    exit_code = 2
    outcome = "config"


class CredentialsError(ConfigError):
    outcome = "credentials"


class RecordError(CentraMyogoError):
    exit_code = 3
    outcome = "attention"

    def __init__(self, message: str, fix: str = "", status: int | None = None) -> None:
        super().__init__(message, fix)
        self.status = status


class TargetRefused(RecordError):
    pass


class TargetUnknown(RecordError):
    """`wait_s` is how long the target asked us to wait, where it did."""

    def __init__(self, message: str, fix: str = "", status: int | None = None, wait_s: float | None = None) -> None:
        super().__init__(message, fix, status)
        self.wait_s = wait_s


class UnsafePlan(CentraMyogoError):
    exit_code = 4
    outcome = "refused"


class SystemTrouble(CentraMyogoError):
    exit_code = 5
    outcome = "unavailable"


class SourceError(SystemTrouble):
    pass


class ContractError(SourceError):
    outcome = "contract"


class TargetUnavailable(SystemTrouble):
    pass


class TargetLost(TargetUnavailable):
    """Stop, and nobody knows what became of the record: asking for it ended in `trouble`."""

    def __init__(self, unclear: CentraMyogoError, trouble: CentraMyogoError) -> None:
        super().__init__(f"{unclear.message} Looking it up failed too: {trouble.message}", trouble.fix)
        self.exit_code, self.outcome = trouble.exit_code, trouble.outcome


class Interrupted(CentraMyogoError):
    exit_code = 5
    outcome = "interrupted"


class ChannelBusy(CentraMyogoError):
    exit_code = 6
    outcome = "busy"
