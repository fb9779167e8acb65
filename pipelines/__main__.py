"""`python -m pipelines` and the console script."""

from __future__ import annotations

import logging
import signal
import sys


def main() -> None:
    """Runs the command line. What nobody foresaw ends as one message and exit code 1, not as a traceback; a
    signal ends with exit code 5, also while a run has not begun yet (a run has handlers of its own)."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    from pipelines.cli import app

    try:
        app()
    except Exception as error:
        from pipelines.logs import redact

        logging.getLogger(__name__).debug("a fault of ours", exc_info=True)
        sys.stderr.write(
            f"centra-myogo: a fault of ours: {type(error).__name__}: {redact(str(error))}\n"
            "Please report it with what `centra-myogo --log debug ...` prints.\n"
        )
        sys.exit(1)


def _stopped(*_: object) -> None:
    sys.stderr.write("centra-myogo: stopped when asked to; nothing was left half done. Run again when you like.\n")
    sys.exit(5)


if __name__ == "__main__":
    main()
