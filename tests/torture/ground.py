"""The small shop that is tortured, what must become of it, and what must hold of every run whatever struck it.

Nothing here knows how the program works: what myOGO must hold is made of Centra's rows and of what myOGO held.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipelines.sandbox import Sandbox
from pipelines.sandbox.channel_file import channel_file
from pipelines.state.run_result import RunResult
from tests.support.shop import Shop, catalogue, euro, size
from tests.support.shop_helpers import is_token
from tests.torture import promises

ATTEMPTS = 3
CREATE_TRIES = 3  # how often a create may be begun anew after an answer that says that it was not served
DOLLARS: list[dict[str, Any]] = [euro("9.00", pricelist_id="20", currency="USD")]

SIZES = {
    one["stockItemId"]: one
    for one in (
        size(101, sku="NEW-A", ean="7312345678901"),
        size(102, sku="OLD-C", prices=[euro("20.00")], weight=1),
        size(103, sku="CL", variantSku="ASH", name="Twin"),
        size(104, sku="NEW-B", prices=[euro("12.50"), *DOLLARS]),
        size(105, sku="SAME-E"),
        size(106, sku="NO-PRICE", prices=DOLLARS),
        size(107, sku="OLD-D", name="Anorak", ean="7312345678918", prices=[euro("30.00")]),
        size(108, sku="CLASH"),
        size(109, sku="DRIFT-F", ean="7312345678925"),
        size(110, sku="NEW-J", name="Mütze", prices=[euro("0.10")]),
    )
}
OURS: dict[str, Any] = {
    "languageCode": "en", "supplier": "Acme", "group": "Jackets", "countryOfOrigin": "PT",
    "customsDescription": "Coats", "hsCode": "62014000",
}  # fmt: skip
NOT_OURS: dict[str, Any] = {
    "supplierCode": "S-1", "supplyPrice": Decimal("7.25"), "currencyCode": "USD", "infoUrl": "https://x.test/å",
    "stock": 7, "reserved": 2, "stockUpdate": 1,
}  # fmt: skip
HELD: list[dict[str, Any]] = [
    {"code": "OLD-C", "name": "Parka Blue S", "salesPrice": Decimal("19.50"), **NOT_OURS},
    {"code": "UNMATCHED", "name": "Made by hand", "salesPrice": Decimal("5.00"), **NOT_OURS},
    {"code": "SAME-E", "name": "Parka Blue S", "salesPrice": Decimal("10"), **OURS, **NOT_OURS},
    {"code": "XX-1", "name": "Found on a shelf", "languageCode": "sv", **NOT_OURS},
    {"code": "CLASH", "name": "Somebody's", "salesPrice": Decimal("1.00"), **NOT_OURS},
    {"code": "OLD-D", "name": "Old name", "salesPrice": Decimal("30"), "description": "kept", **NOT_OURS},
    {"code": "DRIFT-F", "name": "Parka Blue S", "salesPrice": Decimal("10"), "eanCode": "111", **OURS, **NOT_OURS},
]
NEVER_COMPARED = ("id", "editTime", "stockUpdateTime", "batchTracked", "channels")
Products = dict[str, dict[str, Any]]
_AT_REST: set[str] = set()


def shop() -> Sandbox:
    """A running sandbox with the shop in it."""
    return Sandbox.start(catalogue(*SIZES.values(), myogo=HELD))


def wanted(rows: Iterable[Mapping[str, Any]], before: Products) -> Products:
    """What myOGO must hold in the end, by code."""
    rows = [row for row in rows if row["active"]]
    codes = Counter(_code(row) for row in rows)
    end = {code: dict(product) for code, product in before.items()}
    for row in rows:
        euros = [Decimal(str(price["price"])) for price in row["prices"] if price["currency"] == "EUR"]
        code = _code(row)
        if codes[code] > 1 or not euros:
            continue
        blank = dict.fromkeys(next(iter(before.values())))
        blank |= {"code": code, "stock": 0, "stockAvailable": 0, "reserved": 0, "stockUpdate": 0}
        product = end.setdefault(code, blank)
        ean = product["eanCode"] or row["ean"] or None
        name = f"{row['name']} {row['variant']} {row['size']}"
        product |= OURS | {"name": name, "salesPrice": euros[0], "eanCode": ean}
    return end


def _code(row: Mapping[str, Any]) -> str:
    return str(row["sku"] + row["variantSku"] + row["sizeSku"])


class Ground:
    """One struck run of the shop and the runs after it; every check of a promise is a method."""

    def __init__(self, box: Sandbox, folder: Path, **channel: Any) -> None:
        self.box = box
        box.reset()
        box.clear_requests()
        box.switch("myogo", duplicate_post="duplicate", omitted_on_put="clear")
        self.shop = Shop(box, folder, channel_file(box.centra_url, box.myogo_url))
        self._text = self.shop.text
        self._write(channel)
        self.rows = {key: dict(row) for key, row in SIZES.items()}
        self.before = self.products()

    def _write(self, channel: Mapping[str, Any]) -> None:
        self.shop.file.write_text(small(self._text, channel), "utf-8")

    def calms_down(self) -> None:
        """No fault waits any more, and the runs from here on are patient, however busy the machine is."""
        self.box.clear_faults()
        self._write({})

    def happens(self, side: str, edits: Iterable[Mapping[str, Any]]) -> None:
        """Somebody edits a side before the run."""
        for edit in edits:
            if side == "centra":
                self.box.add_centra_row(edit["add"])
            else:
                self.box.put_myogo_product(edit["add"])
        self.edit(side, edits)

    def edit(self, side: str, edits: Iterable[Mapping[str, Any]]) -> None:
        """Takes down that somebody edits a side in mid-run, so that what is wanted follows."""
        for edit in edits:
            held: dict[Any, dict[str, Any]] = self.rows if side == "centra" else self.before
            name = "stockItemId" if side == "centra" else "code"
            if "remove" in edit:
                held.pop(edit["remove"])
            elif "add" in edit:
                held[edit["add"][name]] = edit["add"] if side == "centra" else self._blank() | edit["add"]
                if side == "myogo":
                    self.before[edit["add"]["code"]]["stockAvailable"] = edit["add"].get("stock", 0)
            else:
                held[edit["change"]] |= {key: value for key, value in edit.items() if key != "change"}

    def _blank(self) -> dict[str, Any]:
        figures = {"stock": 0, "reserved": 0, "stockUpdate": 0}
        return dict.fromkeys(next(iter(self.before.values()))) | figures

    def push(self) -> RunResult:
        """One run, in bounded time, with what holds of every run."""
        report = promises.kept(self.shop)
        self._nothing_is_doubled()
        self._the_retry_budget_is_kept()
        return report

    def products(self) -> Products:
        """What myOGO holds, without moments and ids."""
        return {
            row["code"]: {name: value for name, value in row.items() if name not in NEVER_COMPARED}
            for row in self.box.myogo_products()
        }

    def goal(self) -> Products:
        return wanted(self.rows.values(), self.before)

    def tells_the_truth(self, report: RunResult) -> bool:
        """Whether all is applied; the exit code, the counts and the journal must agree with what myOGO holds."""
        there, goal = self.products(), self.goal()
        left = report.counts["refused"] + report.counts["unknown"] + report.counts["not_attempted"]
        if report.exit_code in (0, 3) and not left:
            assert there == goal
        if report.exit_code in (0, 3):
            assert report.counts["not_attempted"] == 0
        if report.exit_code == 0:
            assert not left
        if report.exit_code in (2, 5):
            assert left or there == self.before or not report.counts["read"]
        for key, action, outcome in self.outcomes():
            if outcome == "applied":
                assert there[key] == goal[key], f"{action} of {key} is told as applied"
            elif outcome in ("refused", "not_attempted"):
                assert there.get(key) == self.before.get(key), f"{action} of {key} is told as {outcome}"
        return there == goal

    @property
    def words(self) -> tuple[str, ...]:
        """The push as it is written on the command line."""
        return "push", str(self.shop.file), "--data", str(self.shop.data), "--json"

    def is_underway(self) -> None:
        """Each product is as it was or as it must become, whenever a run ended."""
        there, goal = self.products(), self.goal()
        assert self.before.keys() <= there.keys() <= goal.keys()
        for code, product in there.items():
            assert product in (self.before.get(code), goal[code]), code
        self._nothing_is_doubled()

    def outcomes(self) -> list[tuple[Any, ...]]:
        """Key, action and outcome of the newest run's writes."""
        return self.shop.sql(
            "select key, action, outcome from sync.journal where run_id = (select max(run_id) from sync.runs)"
        )

    def heals(self) -> int:
        """The exit code of one more run, after which myOGO is as it must be."""
        report = self.push()
        assert report.exit_code == 3, report.message  # some rows are withheld, on purpose
        assert self.tells_the_truth(report), _difference(self.products(), self.goal())
        assert (report.counts["refused"], report.counts["unknown"]) == (0, 0)
        return report.exit_code

    def is_at_rest(self) -> None:
        """One more run writes nothing. A plan is made of what both sides hold and of nothing else, so one run for
        each state of theirs is enough."""
        assert self.products() == self.goal()
        state = repr((sorted(self.rows.items()), sorted(self.goal().items())))
        if state in _AT_REST:
            return
        assert self.push().exit_code == 3
        assert [entry for entry in self.box.requests("myogo") if entry["method"] != "GET" and not is_token(entry)] == []
        assert self.products() == self.goal()
        _AT_REST.add(state)

    def clean_up(self) -> None:
        shutil.rmtree(self.shop.data)

    def _nothing_is_doubled(self) -> None:
        codes = [product["code"] for product in self.box.myogo_products()]
        assert len(codes) == len(set(codes)), sorted(codes)

    def _the_retry_budget_is_kept(self) -> None:
        """Per place of the run: `attempts` for a call, twice that where a 401 or an empty page asks once more."""
        asked: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for entry in self.box.requests():
            key = (entry["method"], entry["path"], entry["query"])
            if entry["method"] == "POST" and not is_token(entry):
                key = ("POST", "product", entry["body"]["code"])
            asked.setdefault(key, []).append(entry)
        for (method, path, query), entries in asked.items():
            once = 2 * ATTEMPTS
            most = once * (1 + CREATE_TRIES) if "code=" in query else once * CREATE_TRIES if path == "product" else once
            assert len(entries) <= most, f"{method} {path}?{query} was sent {len(entries)} times"
            if path == "product":
                self._a_post_is_only_repeated_if_it_was_not_served(query, entries)

    def _a_post_is_only_repeated_if_it_was_not_served(self, code: str, posts: list[dict[str, Any]]) -> None:
        assert not any(post["applied"] for post in posts[:-1]), f"{code} was posted again after it had been created"
        for post, following in pairwise(posts):
            between = [
                e for e in self.box.requests("myogo")
                if f"code={code}" in e["query"] and post["at"] <= e["at"] <= following["at"]
            ]  # fmt: skip
            looked_up = any(entry["status"] == 200 for entry in between)
            assert post["status"] in (401, 429) or (post["status"] in (500, 503) and looked_up), post["status"]


def _difference(there: Products, goal: Products) -> str:
    lines = [
        f"{code}.{name}: {there.get(code, {}).get(name)!r} instead of {goal.get(code, {}).get(name)!r}"
        for code in sorted(there.keys() | goal.keys())
        for name in sorted(there.get(code, {}).keys() | goal.get(code, {}).keys())
        if there.get(code, {}).get(name) != goal.get(code, {}).get(name)
    ]
    return "; ".join(lines)


def small(text: str, channel: Mapping[str, Any], pages: tuple[int, int] = (4, 3)) -> str:
    """Pages of so many rows (Centra's, myOGO's), few attempts, short pauses; a busy machine makes nobody impatient."""
    own = {"attempts": ATTEMPTS, "max_rows": 60, "max_in_flight": 1, "backoff_s": 0.001}
    own |= {"connect_timeout_s": 20, "read_timeout_s": 60} | channel
    lines = "".join(f"{name} = {value}\n" for name, value in own.items())
    for line in ("backoff_s           = 0.05", "page_size           = 100", "max_in_flight       = 1"):
        text = text.replace(f"{line}\n", "")
    text = text.replace("max_in_flight       = 4\n", "")
    text = text.replace("max_update_share = 0.75", "max_update_share = 1.0")
    text = text.replace("[systems.centra]\n", f"[systems.centra]\npage_size = {pages[0]}\n{lines}")
    return text.replace("[systems.myogo]\n", f"[systems.myogo]\npage_size = {pages[1]}\n{lines}")
