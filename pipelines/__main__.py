"""`python -m pipelines` and the console script."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import resource
import signal
import sys
import threading

log = logging.getLogger(__name__)


def command() -> None:
    """Runs the command line and ends the process, without taking its modules apart object by object: the system frees
    the memory at once. Threads and everything else that ends with a process have ended before."""
    code = [1]
    atexit.register(_end_now, code)  # the first to be registered is called last
    try:
        main()
        code[0] = 0
    except SystemExit as ended:
        code[0] = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise


def _end_now(code: list[int]) -> None:
    try:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads the output any longer: Python ends with its own code for that
        return
    os._exit(code[0])


def main() -> None:
    """Runs the command line.

    An unexpected error prints one message, not a traceback, and exits with 1. A signal before a run sets its own
    handlers exits with 5.
    """
    # Most objects of a start are modules, classes and functions, which stay: looking for garbage among them every 700
    # objects takes a tenth of a short run.
    gc.set_threshold(100_000)
    stop_on_signals()
    from pipelines.cli import app
    from pipelines.core.logs import redact, strip_control_characters

    _send_uncaught_errors_to_log()
    # A core dump would contain every secret.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        app()
    except Exception as error:
        log.debug("internal error", exc_info=True)
        sys.stderr.write(
            f"centra-myogo: internal error (a bug in this program): {type(error).__name__}: "
            f"{strip_control_characters(redact(str(error)))}\n"
            "Please report it with the output of `centra-myogo --log debug ...`.\n"
        )
        sys.exit(1)


def stop_on_signals() -> None:
    """Until a run sets its own handlers: a signal ends this process with exit code 5."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit_on_signal)


def _exit_on_signal(*_: object) -> None:
    sys.stderr.write("centra-myogo: stopped on request; nothing was left half done. You can run it again.\n")
    sys.exit(5)


def _send_uncaught_errors_to_log() -> None:
    """Logs warnings and errors that no code can catch. Python would print them with their secrets."""
    logging.captureWarnings(True)
    threading.excepthook = lambda uncaught: log.error("internal error in a thread", exc_info=uncaught.exc_value)
    sys.unraisablehook = lambda uncaught: log.error("internal error while cleaning up", exc_info=uncaught.exc_value)


if __name__ == "__main__":
    command()
