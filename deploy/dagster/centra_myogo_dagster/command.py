"""Starts `centra-myogo push` as a program and waits for it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from centra_myogo_dagster.settings import Settings

FINISH_S = 120.0  # how long a run may take to finish what is in flight after it was asked to stop


@dataclass(frozen=True)
class Finished:
    """`code` is negative if a signal ended the program; `document` is empty if it printed no JSON."""

    code: int
    document: dict[str, Any]
    stderr: str


def push_words(settings: Settings, channel: Path, flows: Sequence[str], *, full: bool, requested_by: str) -> list[str]:
    """The command line. Without `flows`, all flows of the channel are pushed."""
    words = [settings.program, "push", str(channel), "--json", "--by", requested_by]
    words += [word for flow in flows for word in ("--flow", flow)]
    words += ["--full"] if full else []
    return [*words, "--project", str(settings.project), "--data", str(settings.data)]


def run(words: Sequence[str], beat: Callable[[], None], beat_s: float) -> Finished:
    """Calls `beat` each `beat_s` seconds until the program has ended. An exception, such as the engine's when somebody
    stops the run, asks the program to finish what is in flight."""
    try:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    except OSError as error:
        return Finished(
            2, {}, f"{words[0]} cannot be started: {error.strerror}. CENTRA_MYOGO_PROGRAM names the program."
        )
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                stdout, stderr = process.communicate(timeout=beat_s)
                return Finished(process.returncode, _document(stdout), stderr)
            beat()
    except BaseException:
        _stop(process)
        raise


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=FINISH_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _document(stdout: str) -> dict[str, Any]:
    try:
        document = json.loads(stdout)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
