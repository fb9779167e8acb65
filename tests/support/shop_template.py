"""A shop with earlier runs, which tests copy so that they need not repeat these runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.support.shop import Shop


class ShopTemplate:
    """`shop` with the working files of `runs`, which must write nothing to its sandbox."""

    def __init__(self, shop: Shop, runs: Callable[[Shop], None]) -> None:
        self.shop = shop
        runs(shop)

    def copy_to(self, folder: Path) -> Shop:
        """The shop in another folder; its sandbox is as it was at the start, and its request log is empty."""
        self.shop.box.reset()
        self.shop.box.clear_requests()
        shutil.copytree(self.shop.data, folder / "data")
        copied = replace(self.shop, folder=folder)
        copied.file.write_text(copied.text, "utf-8")
        return copied
