"""The products test environment: a small shop, its expected state, and the checks after each run.

The expected state is independent of the program: it is computed from Centra's rows and myOGO's earlier products.
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
from tests.support.shop import ATTENTION, NO_EXPECTATIONS, Shop, catalogue, euro, size
from tests.support.shop_helpers import is_token
from tests.torture import invariants

ATTEMPTS = 3
CREATE_TRIES = 3  # how often a create may be tried again after an answer that says that it was not served
DOLLARS: list[dict[str, Any]] = [euro("9.00", pricelist_id="20", currency="USD")]

SIZES = {
    one["stockItemId"]: one
    for one in (
        size(101, sku="NEW-A", ean="7312345678909"),
        size(102, sku="OLD-C", prices=[euro("20.00")], weight=1),
        size(103, sku="CL", variantSku="ASH", name="Twin"),
        size(104, sku="NEW-B", prices=[euro("12.50"), *DOLLARS]),
        size(105, sku="SAME-E"),
        size(106, sku="NO-PRICE", prices=DOLLARS),
        size(107, sku="OLD-D", name="Anorak", ean="7312345678916", prices=[euro("30.00")]),
        size(108, sku="CLASH"),
        size(109, sku="DRIFT-F", ean="7312345678923"),
        size(110, sku="NEW-J", name="Mütze", prices=[euro("0.10")]),
    )
}
SENT_FIELDS: dict[str, Any] = {
    "languageCode": "en", "supplier": "Acme", "group": "Jackets", "countryOfOrigin": "PT",
    "customsDescription": "Coats", "hsCode": "62014000",
}  # fmt: skip
OTHER_FIELDS: dict[str, Any] = {
    "supplierCode": "S-1", "supplyPrice": Decimal("7.25"), "currencyCode": "USD", "infoUrl": "https://x.test/å",
    "stock": 7, "reserved": 2, "stockUpdate": 1,
}  # fmt: skip
HELD: list[dict[str, Any]] = [
    {"code": "OLD-C", "name": "Parka Blue S", "salesPrice": Decimal("19.50"), **OTHER_FIELDS},
    {"code": "UNMATCHED", "name": "Made by hand", "salesPrice": Decimal("5.00"), **OTHER_FIELDS},
    {"code": "SAME-E", "name": "Parka Blue S", "salesPrice": Decimal("10"), **SENT_FIELDS, **OTHER_FIELDS},
    {"code": "XX-1", "name": "Found on a shelf", "languageCode": "sv", **OTHER_FIELDS},
    {"code": "CLASH", "name": "Made by hand", "salesPrice": Decimal("1.00"), **OTHER_FIELDS},
    {"code": "OLD-D", "name": "Old name", "salesPrice": Decimal("30"), "description": "kept", **OTHER_FIELDS},
    {
        "code": "DRIFT-F",
        "name": "Parka Blue S",
        "salesPrice": Decimal("10"),
        "eanCode": "111",
        **SENT_FIELDS,
        **OTHER_FIELDS,
    },
]
NEVER_COMPARED = ("id", "editTime", "stockUpdateTime", "batchTracked", "channels")
Products = dict[str, dict[str, Any]]
_CHECKED_STATES: set[str] = set()


def start_sandbox() -> Sandbox:
    """A running sandbox with the shop."""
    return Sandbox.start(catalogue(*SIZES.values(), myogo=HELD))


def expected_products(rows: Iterable[Mapping[str, Any]], before: Products) -> Products:
    """The products that myOGO must hold after a complete run, by code."""
    rows = [row for row in rows if row["active"]]
    codes = Counter(_code(row) for row in rows)
    expected = {code: dict(product) for code, product in before.items()}
    for row in rows:
        euros = [Decimal(str(price["price"])) for price in row["prices"] if price["currency"] == "EUR"]
        code = _code(row)
        if codes[code] > 1 or not euros:
            continue
        blank = dict.fromkeys(next(iter(before.values())))
        blank |= {"code": code, "stock": 0, "stockAvailable": 0, "reserved": 0, "stockUpdate": 0}
        product = expected.setdefault(code, blank)
        ean = product["eanCode"] or row["ean"] or None
        name = f"{row['name']} {row['variant']} {row['size']}"
        product |= SENT_FIELDS | {"name": name, "salesPrice": euros[0], "eanCode": ean}
    return expected


def _code(row: Mapping[str, Any]) -> str:
    return str(row["sku"] + row["variantSku"] + row["sizeSku"])


class ProductEnvironment:
    """A run with a fault and the runs after it, with a method for each check. Batch expectations are only on for kills:
    each of their steps is one to be killed at."""

    def __init__(self, box: Sandbox, folder: Path, *, expectations: bool = False, **channel: Any) -> None:
        self.box = box
        box.reset()
        box.clear_requests()
        box.switch("myogo", duplicate_post="duplicate", omitted_on_put="clear")
        self.shop = Shop(box, folder, channel_file(box.centra_url, box.myogo_url))
        self._text = self.shop.text + ("" if expectations else NO_EXPECTATIONS)
        self._write_channel_file(channel)
        self.rows = {key: dict(row) for key, row in SIZES.items()}
        self.before = self.products()

    def _write_channel_file(self, channel: Mapping[str, Any]) -> None:
        self.shop.file.write_text(with_test_settings(self._text, channel), "utf-8")

    def end_faults(self) -> None:
        """Removes all faults and restores long timeouts, so that a busy machine does not matter."""
        self.box.clear_faults()
        self._write_channel_file({})

    def edit_before_run(self, side: str, edits: Iterable[Mapping[str, Any]]) -> None:
        """Edits a side before the run."""
        for edit in edits:
            if side == "centra":
                self.box.add_centra_row(edit["add"])
            else:
                self.box.put_myogo_product(edit["add"])
        self.record_edit(side, edits)

    def record_edit(self, side: str, edits: Iterable[Mapping[str, Any]]) -> None:
        """Records an edit that the sandbox makes during the run, so that the expected state includes it."""
        for edit in edits:
            held: dict[Any, dict[str, Any]] = self.rows if side == "centra" else self.before
            name = "stockItemId" if side == "centra" else "code"
            if "remove" in edit:
                held.pop(edit["remove"])
            elif "add" in edit:
                held[edit["add"][name]] = edit["add"] if side == "centra" else self._blank_product() | edit["add"]
                if side == "myogo":
                    self.before[edit["add"]["code"]]["stockAvailable"] = edit["add"].get("stock", 0)
            else:
                held[edit["change"]] |= {key: value for key, value in edit.items() if key != "change"}

    def _blank_product(self) -> dict[str, Any]:
        stock_fields = {"stock": 0, "reserved": 0, "stockUpdate": 0}
        return dict.fromkeys(next(iter(self.before.values()))) | stock_fields

    def push(self) -> RunResult:
        """One push, with the checks that hold for every run."""
        report = invariants.push_and_check(self.shop)
        self._check_no_duplicates()
        self._check_retry_budget()
        return report

    def products(self) -> Products:
        """myOGO's products without times and ids."""
        return {
            row["code"]: {name: value for name, value in row.items() if name not in NEVER_COMPARED}
            for row in self.box.myogo_products()
        }

    def expected(self) -> Products:
        return expected_products(self.rows.values(), self.before)

    def check_report(self, report: RunResult) -> bool:
        """Checks exit code, counts and journal against myOGO's products; returns whether all changes are applied."""
        actual, expected = self.products(), self.expected()
        not_applied = report.counts["refused"] + report.counts["unknown"] + report.counts["not_attempted"]
        if report.exit_code in (0, 3) and not not_applied:
            assert actual == expected
        if report.exit_code in (0, 3):
            assert report.counts["not_attempted"] == 0
        if report.exit_code == 0:
            assert not not_applied
        if report.exit_code in (2, 5):
            assert not_applied or actual == self.before or not report.counts["read"]
        for key, action, outcome in self.outcomes():
            if outcome == "applied":
                assert actual[key] == expected[key], f"{action} of {key} is reported as applied"
            elif outcome in ("refused", "not_attempted"):
                assert actual.get(key) == self.before.get(key), f"{action} of {key} is reported as {outcome}"
        return actual == expected

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line of the push."""
        return "push", str(self.shop.file), "--data", str(self.shop.data), "--json"

    def check_partial_state(self) -> None:
        """Each product is unchanged or as expected, wherever the run ended."""
        actual, expected = self.products(), self.expected()
        assert self.before.keys() <= actual.keys() <= expected.keys()
        for code, product in actual.items():
            assert product in (self.before.get(code), expected[code]), code
        self._check_no_duplicates()

    def outcomes(self) -> list[tuple[Any, ...]]:
        """Key, action and outcome of the newest run's writes."""
        return self.shop.sql(
            "select key, action, outcome from sync.journal where run_id = (select max(run_id) from sync.runs)"
        )

    def rerun(self) -> int:
        """One more run, after which myOGO is as expected; returns its exit code."""
        report = self.push()
        assert report.exit_code == 3, report.message  # some rows are withheld, on purpose
        assert self.check_report(report), _difference(self.products(), self.expected())
        assert (report.counts["refused"], report.counts["unknown"]) == (0, 0)
        return report.exit_code

    def check_nothing_to_do(self) -> None:
        """One more run writes nothing. A plan depends only on the state of both sides, so one run for each state
        is enough."""
        assert self.products() == self.expected()
        state = repr((sorted(self.rows.items()), sorted(self.expected().items())))
        if state in _CHECKED_STATES:
            return
        assert self.push().exit_code == 3
        assert [entry for entry in self.box.requests("myogo") if entry["method"] != "GET" and not is_token(entry)] == []
        assert self.products() == self.expected()
        _CHECKED_STATES.add(state)

    def clean_up(self) -> None:
        shutil.rmtree(self.shop.data)

    def _check_no_duplicates(self) -> None:
        codes = [product["code"] for product in self.box.myogo_products()]
        assert len(codes) == len(set(codes)), sorted(codes)

    def _check_retry_budget(self) -> None:
        """Per request of the run: `attempts` for a call, twice that after a 401 or an empty page."""
        sent: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for entry in self.box.requests():
            key = (entry["method"], entry["path"], entry["query"])
            if entry["method"] == "POST" and not is_token(entry):
                key = ("POST", "product", entry["body"]["code"])
            sent.setdefault(key, []).append(entry)
        for (method, path, query), entries in sent.items():
            per_call = 2 * ATTEMPTS
            allowed = (
                per_call * (1 + CREATE_TRIES)
                if "code=" in query
                else per_call * CREATE_TRIES
                if path == "product"
                else per_call
            )
            assert len(entries) <= allowed, f"{method} {path}?{query} was sent {len(entries)} times"
            if path == "product":
                self._check_post_repeats(query, entries)

    def _check_post_repeats(self, code: str, posts: list[dict[str, Any]]) -> None:
        assert not any(post["applied"] for post in posts[:-1]), f"{code} was posted again after it had been created"
        for post, following in pairwise(posts):
            lookups = [
                e for e in self.box.requests("myogo")
                if f"code={code}" in e["query"] and post["at"] <= e["at"] <= following["at"]
            ]  # fmt: skip
            looked_up = any(entry["status"] == 200 for entry in lookups)
            assert post["status"] in (401, 429) or (post["status"] in (500, 503) and looked_up), post["status"]


def _difference(actual: Products, expected: Products) -> str:
    lines = [
        f"{code}.{name}: {actual.get(code, {}).get(name)!r} instead of {expected.get(code, {}).get(name)!r}"
        for code in sorted(actual.keys() | expected.keys())
        for name in sorted(actual.get(code, {}).keys() | expected.get(code, {}).keys())
        if actual.get(code, {}).get(name) != expected.get(code, {}).get(name)
    ]
    return "; ".join(lines)


def with_test_settings(text: str, channel: Mapping[str, Any], pages: tuple[int, int] = (4, 3)) -> str:
    """Adds small pages (Centra's and myOGO's), few attempts, short pauses and long timeouts to the channel file."""
    settings = {"attempts": ATTEMPTS, "max_rows": 60, "max_in_flight": 1, "backoff_s": 0.001}
    settings |= {"connect_timeout_s": 20, "read_timeout_s": 60} | channel
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    for line in ("backoff_s           = 0.05", "page_size           = 100", "max_in_flight       = 1"):
        text = text.replace(f"{line}\n", "")
    text = text.replace("max_in_flight       = 4\n", "")
    text = text.replace("max_update_share = 0.75", "max_update_share = 1.0")
    text = text.replace("[systems.centra]\n", f"[systems.centra]\npage_size = {pages[0]}\n{lines}")
    text = text.replace(*ATTENTION)
    return text.replace("[systems.myogo]\n", f"[systems.myogo]\npage_size = {pages[1]}\n{lines}")
