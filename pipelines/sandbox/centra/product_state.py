"""Centra's state: the sizes of one shop, their sort order, and their stock."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.centra.product_rows import MISSING, Item, item_of
from pipelines.sandbox.common.clock import Clock
from pipelines.sandbox.common.switches import CentraSwitches

NEVER = "0000-00-00 00:00:00"


@dataclass(frozen=True)
class StockResult:
    """The products that a stock update could not apply, and whether it applied anything."""

    not_found: tuple[str, ...]
    bundles: tuple[str, ...]
    applied: bool


class Shop:
    """Rows by `stockItemId`; every change increases `version`."""

    def __init__(self, items: Mapping[int, Item], clock: Clock) -> None:
        self._items = dict(items)
        self._clock = clock
        self._sorted: tuple[str, list[Item]] | None = None
        self._ids_by_product: dict[tuple[str, str], dict[str, int]] = {}
        self.version = 0

    def listing(self, sort: str) -> list[Item]:
        """All rows in the given order; "edited" sorts by the last edit, the newest at the end."""
        if self._sorted is None or self._sorted[0] != sort:
            keys = sorted(self._items, reverse=sort == "desc")
            if sort == "shuffled":
                random.Random(1).shuffle(keys)
            if sort == "edited":
                keys.sort(key=lambda key: (self._items[key].modified, key))
            self._sorted = sort, [self._items[key] for key in keys]
        return self._sorted[1]

    def row(self, stock_item_id: int) -> dict[str, Any]:
        """The row with its stock; KeyError if there is none."""
        item = self._items[stock_item_id]
        return item.row() | {"physical": item.physical, "allocated": item.allocated}

    def add(self, row: Mapping[str, Any], switches: CentraSwitches) -> int:
        """The id of the added row; ValueError if the row has no id, or one that is taken."""
        key = int(row.get("stockItemId", -1))
        if key < 0 or key in self._items:
            raise ValueError("a new row needs a stockItemId that is not taken")
        item = item_of(row, modified=self._clock.local(switches.timezone))
        self._put(key, item if switches.new_rows_are_modified else item._replace(modified=NEVER))
        return key

    def change(self, stock_item_id: int, fields: Mapping[str, Any], switches: CentraSwitches) -> dict[str, Any]:
        """The row after the change; "__missing__" removes a field."""
        if "stockItemId" in fields:
            raise ValueError("stockItemId is the row's key and cannot be changed")
        old, before = self._items[stock_item_id], self.row(stock_item_id)
        new = item_of(before | dict(fields))._replace(modified=old.modified, stock_modified=old.stock_modified)
        restocked = (new.physical, new.allocated) != (old.physical, old.allocated)
        dated = fields.keys() - {*switches.silent, "physical", "allocated"}
        edited = any(before.get(name, MISSING) != fields[name] for name in dated)
        self._put(stock_item_id, self._dated(new, switches, edited=edited, restocked=restocked))
        return self.row(stock_item_id)

    def remove(self, stock_item_id: int) -> None:
        """Forgets the row; KeyError if there is none."""
        del self._items[stock_item_id]
        self._changed(codes=True)

    def write_stock(self, entries: Iterable[tuple[str, int]], switches: CentraSwitches) -> StockResult:
        """Sets the stock of the products that exist, as Centra documents it: never below the allocated quantity."""
        not_found, bundles, applied = [], [], False
        for product, quantity in entries:
            key = self.stock_item_id_of(product, switches)
            if product in switches.bundles:
                bundles.append(product)
            elif key is None:
                not_found.append(product)
            else:
                item = self._items[key]
                wanted = quantity + item.allocated if switches.stock_update_type == "fta" else quantity
                stocked = item._replace(physical=max(wanted, item.allocated) + switches.virtual_stock)
                self._items[key] = self._dated(stocked, switches, edited=False, restocked=True)
                applied = True
        if applied:
            self._changed(codes=False)
        return StockResult(tuple(not_found), tuple(bundles), applied)

    def item(self, stock_item_id: int) -> Item:
        """The size; KeyError if there is none."""
        return self._items[stock_item_id]

    def allocate(self, stock_item_id: int, wanted: int, switches: CentraSwitches) -> int:
        """Allocates as much of the wanted quantity as is free, and returns that quantity."""
        item = self._items.get(stock_item_id)
        allocated = max(0, min(wanted, item.physical - item.allocated)) if item else 0
        self.move(stock_item_id, switches, allocated=allocated)
        return allocated

    def move(self, stock_item_id: int, switches: CentraSwitches, *, physical: int = 0, allocated: int = 0) -> None:
        """Adds to both quantities of a size, if it still exists; neither falls below zero."""
        item = self._items.get(stock_item_id)
        if item is None or not (physical or allocated):
            return
        moved = item._replace(physical=max(0, item.physical + physical), allocated=max(0, item.allocated + allocated))
        self._items[stock_item_id] = self._dated(moved, switches, edited=False, restocked=True)
        self._changed(codes=False)

    def stock_item_id_of(self, product: str, switches: CentraSwitches) -> int | None:
        """The `stockItemId` of an EAN, a UPC or a full SKU; None if there is no such size. The switches decide which of
        them wins, and which of two sizes with the same one."""
        order = switches.stock_product, switches.stock_product_copies
        ids = self._ids_by_product.get(order)
        if ids is None:
            ids = self._ids_by_product[order] = self._index(order[0].split("_"), order[1] == "lowest_id")
        return ids.get(product)

    def _index(self, names: list[str], lowest_id: bool) -> dict[str, int]:
        """`stockItemId` by text; the first of `names` (ean, upc, code) wins."""
        keys = sorted(self._items, reverse=lowest_id)
        ids: dict[str, int] = {}
        for name in reversed(names):
            texts = ((self._items[key].text(name), key) for key in keys)
            ids |= {text: key for text, key in texts if text is not None}
        return ids

    def _dated(self, item: Item, switches: CentraSwitches, *, edited: bool, restocked: bool) -> Item:
        """The item with new times of change, as the switches set for an edit or a stock change."""
        now = self._clock.local(switches.timezone)
        if restocked and switches.stock_moves != "neither":
            item = item._replace(stock_modified=now)
        return item._replace(modified=now) if edited or (restocked and switches.stock_moves == "both") else item

    def _put(self, key: int, item: Item) -> None:
        self._items[key] = item
        self._changed(codes=True)

    def _changed(self, *, codes: bool) -> None:
        self._sorted = None
        if codes:
            self._ids_by_product.clear()
        self.version += 1
