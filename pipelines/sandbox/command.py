"""`centra-myogo sandbox`: starts both stand-ins and prints the channel file for them."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.core.errors import ConfigError
from pipelines.sandbox import Catalogue, Sandbox
from pipelines.sandbox.channel_file import channel_file
from pipelines.sandbox.server.listener import PortTaken


def serve(skus: int | None, seed: int, faults: float, centra_port: int, myogo_port: int, write_to: Path | None) -> None:
    """Runs until SIGINT or SIGTERM. The channel file goes to stdout, all other output to stderr.

    Raises ConfigError if a port is taken.
    """
    if skus is None:
        catalogue = Catalogue.sample()
    else:
        print(f"generating a catalogue of {skus} sizes ...", file=sys.stderr, flush=True)
        catalogue = Catalogue.generate(skus, seed, faults)
    try:
        box = Sandbox.start(catalogue, centra_port, myogo_port)
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
    print(text, flush=True)
    print(
        f"Centra on {box.centra_url}, myOGO on {box.myogo_url}; Ctrl-C stops both.",
        file=sys.stderr,
        flush=True,
    )
    box.wait()
