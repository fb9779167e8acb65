"""`serve --demo`: the sandbox, a project folder with its channel, and what a visitor can make happen outside."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.config.project import Project
from pipelines.core.errors import ConfigError
from pipelines.sandbox import Catalogue, Sandbox
from pipelines.sandbox.channel_file import channel_file
from pipelines.sandbox.demo.outside import Outside, UnexpectedState
from pipelines.sandbox.demo.steps import ORDERS, TRACKING, yesterday
from pipelines.web.acts import Act, ActNotPossible

WAITING_STOCK = "\n[flows.stock.params]\ngoods_received = false\n"
_UNREAD = """
    select count(*) from sync.journal where flow = 'products' and outcome = 'applied'
        and run_id = (select arg_max(run_id, started_at) from sync.runs)"""


@contextlib.contextmanager
def demo_project(folder: Path) -> Iterator[tuple[Project, Sequence[Act]]]:
    """A project in `folder` whose channel `demo` uses a sandbox that runs meanwhile. Both begin anew."""
    file = folder / "channels" / "demo.toml"
    shutil.rmtree(folder / "data", ignore_errors=True)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        box = Sandbox.start(Catalogue.sample(), 0, 0)
        flows = WAITING_STOCK + ORDERS.format(day=yesterday()) + TRACKING.format(day=yesterday())
        file.write_text(channel_file(box.centra_url, box.myogo_url) + flows, "utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.", "Choose another --data.") from error
    try:
        yield Project(folder), _Acts(file, folder / "data" / "demo").acts()
    finally:
        box.stop()


class _Acts:
    def __init__(self, file: Path, folder: Path) -> None:
        self._file, self._folder = file, folder
        self._outside = Outside(file, folder)
        self._delivered: list[tuple[str, int, int]] = []

    def acts(self) -> list[Act]:
        return [
            Act("price", "A colleague adds a missing price in Centra", self._price),
            Act("delivery", "A delivery arrives at the warehouse", self._delivery),
            Act("order", "A customer orders in the shop", self._order),
            Act("ship", "The warehouse hands the parcels over", self._ship),
        ]

    def _price(self) -> str:
        self._need_tables()
        try:
            code = self._outside.add_missing_price()
        except UnexpectedState as error:
            raise ActNotPossible(str(error)) from error
        return f"{code} has a price now. Refresh, and it can be sent."

    def _delivery(self) -> str:
        self._need_tables()
        if self._outside.query(_UNREAD) != [(0,)]:
            raise ActNotPossible("Press Refresh first: no run has read the products that the last push created.")
        sizes = self._outside.sizes()
        if not sizes:
            raise ActNotPossible("No product in myOGO waits for a delivery. Create products first, and refresh.")
        self._outside.deliver(sizes)
        self._delivered = sizes
        text = self._file.read_text("utf-8")
        self._file.write_text(text.replace("goods_received = false", "goods_received = true"), "utf-8")
        return f"{len(sizes):,} products were counted, and the channel file says so. Refresh, and look at Stock."

    def _order(self) -> str:
        if not self._delivered:
            raise ActNotPossible("There is nothing to sell yet. A delivery must arrive first.")
        chosen = [(code, 1) for code, _, _ in self._delivered[:2]]
        order = self._outside.order(chosen)
        codes = " and ".join(code for code, _ in chosen)
        return f"Order {order['orderId']} of {codes}. Refresh, and look at Orders."

    def _ship(self) -> str:
        open_orders = [row for row in self._outside.control("GET", "myogo/orders") if row.get("status") != "Shipped"]
        if not open_orders:
            raise ActNotPossible("The warehouse has no open order. Send one on the page Orders first.")
        for row in open_orders:
            self._outside.ship(row["reference"])
        return f"{open_orders[0]['reference']} is on its way. Refresh, and look at Tracking."

    def _need_tables(self) -> None:
        if not (self._folder / "analytics.duckdb").is_file():
            raise ActNotPossible("Press Refresh first: nothing was read yet.")
