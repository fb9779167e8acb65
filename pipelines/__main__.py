"""`python -m pipelines` and the console script."""

from __future__ import annotations

import logging
import resource
import signal
import sys
import threading

log = logging.getLogger(__name__)


def main() -> None:
    """Runs the command line. An unforeseen error ends as one message and exit code 1, not as a traceback; a signal ends
    with exit code 5, also before a run has begun (a run sets handlers itself)."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    from pipelines.cli import app
    from pipelines.core.logs import redact, strip_control_characters

    _say_everything_through_the_log()
    # A memory dump would hold every secret.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        app()
    except Exception as error:
        log.debug("internal error", exc_info=True)
        sys.stderr.write(
            f"centra-myogo: internal error (a bug in this program): {type(error).__name__}: "
            f"{strip_control_characters(redact(str(error)))}\n"
            "Please report it with what `centra-myogo --log debug ...` prints.\n"
        )
        sys.exit(1)


def _stopped(*_: object) -> None:
    sys.stderr.write("centra-myogo: stopped on request; nothing was left half done. Run again when you like.\n")
    sys.exit(5)


def _say_everything_through_the_log() -> None:
    """Warnings, and faults that nobody can catch: Python would print them as they are, secrets included."""
    logging.captureWarnings(True)
    threading.excepthook = lambda fault: log.error("internal error in a thread", exc_info=fault.exc_value)
    sys.unraisablehook = lambda fault: log.error("internal error while cleaning up", exc_info=fault.exc_value)


if __name__ == "__main__":
    main()
