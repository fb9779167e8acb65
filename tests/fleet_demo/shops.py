"""Six shops of the sandbox, and the channel files for them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.sandbox import Sandbox
from pipelines.sandbox.channel_file import channel_file
from pipelines.sandbox.common.credentials import CREDENTIALS
from tests.support.shop import NO_EXPECTATIONS, catalogue, size

CHANNELS = ("denmark", "finland", "germany", "iceland", "norway", "sweden")
SIZES = 40
REQUESTS_PER_SECOND = 4.0  # a new product takes two requests, so a push takes about 20 s
LEASE_S = 15.0  # the longest call takes 5 s


@dataclass(frozen=True)
class Demo:
    """One shop. All that is asked here is the sandbox's own record, not what the product says."""

    name: str
    box: Sandbox

    def created(self) -> Counter[str]:
        """How often each code was created in myOGO."""
        entries = self.box.requests("myogo")
        return Counter(
            str(entry["body"]["code"])
            for entry in entries
            if entry["method"] == "POST" and entry["applied"] and isinstance(entry.get("body"), dict)
            and "code" in entry["body"]
        )  # fmt: skip

    def missing(self) -> list[str]:
        """The codes that myOGO should hold and does not."""
        held = {product["code"] for product in self.box.myogo_products()}
        return [code for code in all_codes() if code not in held]

    def twice(self) -> list[str]:
        """The codes that were created more than once, or that myOGO holds more than once."""
        held = Counter(product["code"] for product in self.box.myogo_products())
        return sorted({code for counts in (self.created(), held) for code, count in counts.items() if count > 1})


def all_codes() -> list[str]:
    return [f"SKU{number}" for number in range(1, SIZES + 1)]


@contextmanager
def running_shops() -> Iterator[list[Demo]]:
    with ExitStack() as stack:
        sizes = [size(number) for number in range(1, SIZES + 1)]
        yield [Demo(name, stack.enter_context(Sandbox.start(catalogue(*sizes)))) for name in CHANNELS]


def write_channel_files(shops: list[Demo], folder: Path, database: str, snapshots: Path) -> None:
    """The same files for each machine, into its own project folder."""
    folder.mkdir(parents=True)
    (folder / "database").write_text(database)
    (folder / "database").chmod(0o600)
    for shop in shops:
        # Another merchant for each: channels with the same place of the merchant's id share a pool, and take turns.
        shutil.copytree(CREDENTIALS, folder / shop.name)
        text = channel_file(shop.box.centra_url, shop.box.myogo_url, secrets=shop.name)
        text = text.replace('name = "demo"', f'name = "{shop.name}"\nschedule = "every 1 min"')
        for rate in ("500.0", "1000.0"):
            text = text.replace(f"requests_per_second = {rate}", f"requests_per_second = {REQUESTS_PER_SECOND}")
        text = text.replace("max_in_flight       = 4", "max_in_flight       = 1")
        text = text.replace("backoff_s ", "connect_timeout_s = 1\nread_timeout_s = 4\nbackoff_s ")
        text += NO_EXPECTATIONS
        text += (
            f'\n[state]\ndatabase = {{ file = "database" }}\nsnapshots = "file://{snapshots}"\nlease_s = {LEASE_S:g}\n'
        )
        (folder / f"{shop.name}.toml").write_text(text, "utf-8")
