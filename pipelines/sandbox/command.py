"""`centra-myogo sandbox`: starts both stand-ins and says what to do next."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.core.errors import ConfigError
from pipelines.sandbox import Catalogue, Sandbox
from pipelines.sandbox.channel_file import channel_file
from pipelines.sandbox.server.listener import PortTaken

DEFAULT_PORTS = (8620, 8621)  # of the built-in channel `demo`


def serve(
    skus: int | None,
    seed: int,
    faults: float,
    ports: tuple[int, int],
    write_to: Path | None,
    *,
    print_channel: bool,
) -> None:
    """Runs until SIGINT or SIGTERM. The channel file goes to stdout if `print_channel`, all other output to stderr.

    `ports` are those of Centra and myOGO. Raises ConfigError if one is taken.
    """
    if skus is None:
        catalogue = Catalogue.sample()
    else:
        print(f"generating a catalogue of {skus} sizes ...", file=sys.stderr, flush=True)
        catalogue = Catalogue.generate(skus, seed, faults)
    try:
        box = Sandbox.start(catalogue, *ports)
    except PortTaken as error:
        raise ConfigError(
            f"The sandbox cannot start: {error}.",
            "Use --centra-port and --myogo-port; 0 picks a free one.",
        ) from error
    text = channel_file(box.centra_url, box.myogo_url, max_creates=max(5000, skus or 0))
    if write_to is not None:
        write_to.parent.mkdir(parents=True, exist_ok=True)
        unfinished = write_to.with_suffix(".part")
        unfinished.write_text(text, "utf-8")
        unfinished.replace(write_to)
    if print_channel:
        print(text, flush=True)
    print(f"Centra on {box.centra_url}, myOGO on {box.myogo_url}; Ctrl-C stops both.", file=sys.stderr)
    print(_next_step(ports, write_to), file=sys.stderr, flush=True)
    box.wait()


def _next_step(ports: tuple[int, int], written: Path | None) -> str:
    if written is not None:
        return f"In a second terminal:  centra-myogo plan {written}"
    if ports == DEFAULT_PORTS:
        return "In a second terminal:  centra-myogo plan demo"
    return "A channel needs these addresses; --channel-file FILE writes one, --print prints it."
