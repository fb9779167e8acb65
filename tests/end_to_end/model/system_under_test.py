"""The system under test: one shop, edits of it, runs of it, and the checks after each run."""

from __future__ import annotations

import base64
import fnmatch
import json
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipelines.sandbox import Sandbox
from pipelines.sandbox.channel_file import channel_file
from schemas.products.contract import PRODUCT
from tests.end_to_end.model import oracle
from tests.end_to_end.model.issue_history import IssueHistory
from tests.end_to_end.model.oracle import Channel, Evaluation, Row
from tests.end_to_end.model.strategies import CENTRA_FORMATS, EANS, MYOGO_FORMATS, REQUEST_SETTINGS, SIZES
from tests.support import child_process
from tests.support.shop import ATTENTION, NO_EXPECTATIONS, Shop, euro, size
from tests.support.waiting import HANG_S

# Fields that myOGO computes itself.
COMPUTED_FIELDS = ("batchTracked", "channels", "stockAvailable", "stockUpdateTime")
# Statuses for wrong credentials or a wrong address.
ACCESS_REFUSED = {401, 403, 404}
READ_ONLY = ("id", "stock", "reserved", "stockUpdate", "editTime")
PARAMS = (
    *("currency", "pricelist_id", "language", "language_by_store", "include_inactive", "allow_zero_price"),
    *("accept_as_new", "kept_codes"),
)
DEFAULT_CHANNEL = Channel(max_update_share=Decimal("0.9"))
LIMITS = ("min_rows", "max_creates", "max_updates", "max_update_share")


class SystemUnderTest:
    """`rows` and `channel` mirror Centra and the channel file; myOGO's products are read from the sandbox."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        box.reset()
        folder.mkdir()
        self.box = box
        self.shop = Shop(box, folder, "")
        self.rows: dict[int, Row] = {}
        self.channel = DEFAULT_CHANNEL
        self.request_settings: Row = _first_values(REQUEST_SETTINGS)
        self.issue_history = IssueHistory()
        self.links: dict[str, str] = {}  # the code under which each size was pushed, by its id
        self._published: duckdb.DuckDBPyConnection | None = None
        self.changes: dict[tuple[str, str], tuple[str, Row, Row]] = {}  # of the latest run

    # Edits between runs.

    def apply_edits(self, edits: Iterable[tuple[Any, ...]]) -> None:
        for what, *details in edits:
            match what, *details:
                case "size", number, fields:
                    self._size(number, fields)
                case "size changed", index, fields if self.rows:
                    self._size(self._number(index), fields)
                case "size repaired", index if self.rows:
                    self._size(number := self._number(index), _valid_row(number))
                case "size copied", index, number if self.rows:
                    self._size(number, {**self.rows[self._number(index)], "stockItemId": number})
                case "no size", index if self.rows:
                    number = self._number(index)
                    del self.rows[number]
                    self.box.delete_centra_row(number)
                case "product", code, fields:
                    if code not in {product["code"] for product in self.held()}:
                        self.box.put_myogo_product({"code": code, **fields})
                case "second product", code, fields:
                    self.box.put_myogo_product({"code": code, **fields}, allow_duplicate=True)
                case "changed", index, fields if code := self._code(index):
                    self.box.change_myogo_product(code, **fields)
                case "renamed", index, new if code := self._code(index):
                    self.box.change_myogo_product(code, code=new)
                case "received", index, quantity if code := self._code(index):
                    self.box.receive(code, quantity)
                case "removed", index if code := self._code(index):
                    self.box.delete_myogo_product(code)
                case "settings", values:
                    self.channel = replace(DEFAULT_CHANNEL, **values)
                case "centra formats", values:
                    self.box.switch("centra", **_first_values(CENTRA_FORMATS) | values)
                case "myogo formats", values:
                    self.box.switch("myogo", **_first_values(MYOGO_FORMATS) | values)
                case "request settings", values:
                    self.request_settings = _first_values(REQUEST_SETTINGS) | values

    def _size(self, number: int, fields: Row) -> None:
        row = self.rows.get(number, _valid_row(number)) | fields
        if isinstance(row["prices"], list):
            row["prices"] = [euro(entry["price"], entry["id"]) | entry for entry in row["prices"]]
        if number in self.rows:
            self.box.change_centra_row(number, **{name: row[name] for name in row if name != "stockItemId"})
        else:
            self.box.add_centra_row(row)
        self.rows[number] = row

    def _number(self, index: int) -> int:
        """The number of one of Centra's sizes; Centra must have one."""
        return sorted(self.rows)[index % len(self.rows)]

    def _code(self, index: int) -> str:
        """The code of one of myOGO's products; "" if there is none."""
        codes = sorted(product["code"] for product in self.held())
        return str(codes[index % len(codes)]) if codes else ""

    def held(self) -> list[Row]:
        """myOGO's products, oldest first."""
        return [
            {name: value for name, value in product.items() if name not in COMPUTED_FIELDS}
            for product in self.box.myogo_products()
        ]

    def _delete_surplus_products(self) -> None:
        """Deletes products that Centra does not have, then copies, until myOGO holds at most SIZES products."""
        centra_codes = {oracle.code_of(row) for row in self.rows.values()}
        for copies in (False, True):
            seen_codes: set[str] = set()
            for product in self.held():
                if len(self.held()) + len(centra_codes - {one["code"] for one in self.held()}) <= SIZES:
                    return
                if product["code"] in seen_codes if copies else product["code"] not in centra_codes:
                    self.box.delete_myogo_product(product["code"])
                seen_codes.add(product["code"])

    # Runs.

    def run(
        self, verb: str = "push", sku: tuple[str, ...] = (), expect: str = "", force: bool = False, **limits: Any
    ) -> Any:
        """Runs the command line without faults and compares with the oracle; returns the run's JSON."""
        sku = self._matching(sku)
        before, evaluation, channel = self._prepare(sku, limits)
        self.changes = evaluation.changes
        document = self._command(verb, sku, expect, force)
        self._check_undisturbed(verb, document, before, evaluation, channel, sku, expect, force)
        return document

    def disturbed_run(self, faults: list[Row], sku: tuple[str, ...]) -> None:
        """Runs a push with `faults`: what was done is part of the oracle's plan, and the exit code matches."""
        sku = self._matching(sku)
        before, evaluation, channel = self._prepare(sku, {})
        for fault in faults:
            self.box.add_fault(**fault)
        document = self._command("push", sku, "", False)
        met = [fault for fault in self.box.faults() if fault["taken"]]
        self.box.clear_faults()
        if met:
            self._check_disturbed(document, before, evaluation, met)
            self._check_issue_history(document["run_id"], evaluation, sku)
        else:
            self._check_undisturbed("push", document, before, evaluation, channel, sku, "", False)

    def killed_run(self, kill: Row, sku: tuple[str, ...]) -> None:
        """Runs a push and kills it while it waits for an answer; the push ends normally if the fault is never met."""
        sku = self._matching(sku)
        before, evaluation, _ = self._prepare(sku, {})
        self.box.add_fault(**kill, seconds=HANG_S)
        arguments = ("push", str(self.shop.file), "--data", str(self.shop.data))
        finished = child_process.run(
            *arguments, *_sku_options(sku), folder=self.shop.folder, kill_when=self._fault_was_hit
        )
        assert finished.code in (-signal.SIGKILL, 0, 3, 5), finished
        self.box.clear_faults()
        self._changes_done(before, evaluation)
        self.issue_history.unsure = True

    def _fault_was_hit(self) -> bool:
        return any(fault["taken"] for fault in self.box.faults())

    def _matching(self, sku: tuple[str, ...]) -> tuple[str, ...]:
        """The patterns that match a code: for any other, a run ends with exit 2 before it compares anything."""
        codes = [oracle.code_of(row) for row in self.rows.values()]
        return tuple(pattern for pattern in sku if pattern == "*" or fnmatch.filter(codes, pattern))

    def _prepare(self, sku: tuple[str, ...], limits: Row) -> tuple[list[Row], Evaluation, Channel]:
        self.close()
        self._delete_surplus_products()
        # After a kill the links are not known, and do not count.
        channel = replace(self.channel, **limits, accept_as_new=("*",) if self.issue_history.unsure else ())
        self._write_channel_file(channel)
        self.box.clear_requests()
        before = self.held()
        return before, oracle.evaluate(list(self.rows.values()), before, channel, sku, self.links), channel

    def _command(self, verb: str, sku: tuple[str, ...], expect: str, force: bool) -> Row:
        options = _sku_options(sku)
        if verb == "push":
            options += (["--expect", expect] if expect else []) + (["--force"] if force else [])
        document = self.shop.json(verb, *options)
        self.links = dict(self.sql("select source_id, key from sync.links where flow = 'products'"))
        return document

    def _write_channel_file(self, channel: Channel) -> None:
        """Writes the sandbox's channel file with these settings."""
        systems = channel_file(self.box.centra_url, self.box.myogo_url).replace(*ATTENTION).partition("[flows.")[0]
        lines = {
            "page_size           = 100": f"page_size           = {self.request_settings['centra_page']}",
            "client_id  ": f"page_size           = {self.request_settings['myogo_page']}\nclient_id  ",
            "max_in_flight       = 1": f"max_in_flight       = {self.request_settings['in_flight']}",
            "max_in_flight       = 4": f"max_in_flight       = {self.request_settings['in_flight']}",
            "backoff_s           = 0.05": "backoff_s           = 0.001",
        }
        for old, new in lines.items():
            assert old in systems
            systems = systems.replace(old, new)
        tables = {"params": PARAMS, "select": ("include", "exclude"), "limits": LIMITS}
        for table, names in tables.items():
            systems += f"\n[flows.products.{table}]\n"
            systems += "".join(
                f"{name} = {_toml(value)}\n" for name in names if (value := getattr(channel, name)) is not None
            )
        systems += NO_EXPECTATIONS
        self.shop.text = systems
        self.shop.file.write_text(systems, "utf-8")

    # Checks after a run.

    def _check_undisturbed(
        self,
        verb: str,
        document: Row,
        before: list[Row],
        evaluation: Evaluation,
        channel: Channel,
        sku: tuple[str, ...],
        expect: str,
        force: bool,
    ) -> None:
        assert document["flows"], document
        counts, run_id = document["flows"]["products"], document["run_id"]
        _check_sums(verb, counts)
        if self._contract_is_broken():
            assert (document["exit_code"], document["outcome"]) == (5, "contract"), document
            assert self.held() == before
            assert not self._writes()
            assert not self._check_issue_history(run_id, evaluation, sku)
            return
        self._same_buckets(run_id, counts, evaluation)
        assert self._check_issue_history(run_id, evaluation, sku)
        stopped = (expect and expect != document["fingerprint"]) or (
            not force and oracle.limits_refuse(evaluation, channel, len(before))
        )
        refused = set() if stopped or verb == "plan" else self._refused(before, evaluation)
        assert document["exit_code"] == (4 if stopped else 3 if evaluation.withheld or refused else 0), document
        writes = verb == "push" and not stopped
        assert self._writes() == (_expected_bodies(before, evaluation) if writes else {})
        goal = oracle.after(before, evaluation, refused) if writes else before
        _check_products(self.held(), goal, {code for _, code in evaluation.changes} - refused if writes else set())
        done = len(evaluation.changes) - len(refused)
        expected_counts = {"applied": done, "refused": len(refused), "unknown": 0, "not_attempted": 0}
        if not writes:
            expected_counts = dict.fromkeys(expected_counts, 0) | (
                {"not_attempted": len(evaluation.changes)} if verb == "push" else {}
            )
        assert {name: counts[name] for name in expected_counts} == expected_counts
        journal = {(action, code): "refused" if code in refused else "applied" for action, code in evaluation.changes}
        assert self._journal(run_id) == (journal if writes else {})
        if writes:
            self._check_links(evaluation, refused)

    def _check_links(self, evaluation: Evaluation, refused: set[str]) -> None:
        """Each size that myOGO now holds as desired is linked to its code."""
        written = {size_id: code for (_, code), (size_id, *_) in evaluation.changes.items() if code not in refused}
        assert self.links.items() >= (written | evaluation.unchanged).items()

    def _same_buckets(self, run_id: str, counts: Row, evaluation: Evaluation) -> None:
        """The report's counts and each size's bucket in the tables match the oracle."""
        assert {name: counts[name] for name in ("read", "skipped", "withheld", "drifted", "unmatched")} == {
            "read": evaluation.read,
            "skipped": len(evaluation.skipped),
            "withheld": len(evaluation.withheld),
            "drifted": evaluation.drifted,
            "unmatched": evaluation.unmatched,
        }
        withheld_rules: dict[str, set[str]] = {}
        for stock_item_id, rule in self.sql("select source_id, rule from sync.withheld where run_id = ?", run_id):
            withheld_rules.setdefault(stock_item_id, set()).add(rule)
        assert withheld_rules == evaluation.withheld
        assert planned_changes(lambda query: self.sql(f"{query} where run_id = ?", run_id)) == evaluation.changes
        outgoing = {stock_item_id for (stock_item_id,) in self.sql("select stock_item_id from out_myogo.products")}
        changed = {stock_item_id for stock_item_id, _, _ in evaluation.changes.values()}
        assert outgoing == evaluation.unchanged.keys() | changed
        assert counts["unchanged"] == len(evaluation.unchanged)

    def _check_disturbed(self, document: Row, before: list[Row], evaluation: Evaluation, met: list[Row]) -> None:
        counts, run_id, code = document["flows"]["products"], document["run_id"], document["exit_code"]
        _check_sums("push", counts)
        done = self._changes_done(before, evaluation)
        journal = self._journal(run_id)
        access_refused = any(map(_refuses_access, met))
        assert code in ({0, 2, 3, 5} if access_refused else {0, 3, 5}), (document, met)
        assert {change for change, outcome in journal.items() if outcome == "applied"} <= done
        assert set(journal) <= set(evaluation.changes)
        if len(met) == 1 and met[0]["taken"] == 1:  # a wrong answer that comes once is detected
            assert not done & {change for change, outcome in journal.items() if outcome == "refused"}, (journal, met)
        if code in (0, 3):
            self._same_buckets(run_id, counts, evaluation)
            not_applied = {change for change, outcome in journal.items() if outcome != "applied"}
            assert code == (3 if evaluation.withheld or not_applied else 0)
            assert set(journal) == set(evaluation.changes)
            assert done >= set(evaluation.changes) - not_applied

    def _changes_done(self, before: list[Row], evaluation: Evaluation) -> set[tuple[str, str]]:
        """Each product is unchanged or as the oracle expects it after the change; returns the changes that are done."""
        goal = oracle.after(before, evaluation, set())
        created = {product["code"]: product for product in goal[len(before) :]}
        now = self.held()
        assert [product["id"] for product in now[: len(before)]] == [product["id"] for product in before]
        done = set()
        for product, old, new in zip(now, before, goal, strict=False):
            if product != old:
                _check_products([product], [new], {old["code"]})
                done.add(("update", old["code"]))
        for product in now[len(before) :]:
            _check_products([product], [created.pop(product["code"])], {product["code"]})
            done.add(("create", product["code"]))
        return done

    def _refused(self, before: list[Row], evaluation: Evaluation) -> set[str]:
        """The codes that myOGO refuses because their name is too long."""
        name_max = self.box.switches("myogo")["name_max"]
        if not name_max:
            return set()
        codes = {code for _, code in evaluation.changes}
        goal = oracle.after(before, evaluation, set())
        return {p["code"] for p in goal if p["code"] in codes and len(p.get("name") or "") > name_max}

    def _contract_is_broken(self) -> bool:
        """Whether Centra leaves out a required field: with `empty_as` "missing" it leaves out all empty fields."""
        if self.box.switches("centra")["empty_as"] != "missing":
            return False
        required = (*oracle.PARTS, "prices")
        return any(row[name] is None or row[name] == "" for row in self.rows.values() for name in required)

    def _writes(self) -> dict[tuple[str, str], Row]:
        """The bodies sent to myOGO by action and code; fails if a write was sent twice."""
        sent: dict[tuple[str, str], Row] = {}
        for entry in self.box.requests("myogo"):
            if entry["method"] == "GET" or entry["path"].lower() == "/oauth/token":
                continue
            if entry["method"] == "POST":
                change = "create", entry["body"]["code"]
            else:
                text = entry["path"].rsplit("/", 1)[1]
                change = "update", base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            assert change not in sent, f"{change} was sent twice"
            sent[change] = {name: value for name, value in entry["body"].items() if name not in COMPUTED_FIELDS}
        return sent

    def _journal(self, run_id: str) -> dict[tuple[str, str], str]:
        assert not self.sql("select 1 from sync.journal where outcome is null")  # of any run, killed runs included
        rows = self.sql("select action, key, outcome, ended_at from sync.journal where run_id = ?", run_id)
        assert all(outcome and ended for *_, outcome, ended in rows)
        assert len({(action, key) for action, key, *_ in rows}) == len(rows)
        return {(action, key): outcome for action, key, outcome, _ in rows}

    def _check_issue_history(self, run_id: str, evaluation: Evaluation, sku: tuple[str, ...]) -> bool:
        """Compares the stored issues with the expected ones; returns whether the run evaluated its rows."""
        evaluated = bool(self.sql("select 1 from sync.rule_counts where run_id = ? limit 1", run_id))
        starts = dict(self.sql("select run_id, started_at from sync.runs"))
        if evaluated:
            found = {(stock_item_id, rule) for stock_item_id, rules in evaluation.withheld.items() for rule in rules}
            size_ids = {str(number) for number in self.rows}
            self.issue_history.record(
                starts[run_id], found, size_ids, size_ids - evaluation.skipped, narrowed=bool(sku)
            )
        stored = self.sql("select source_id, rule, since, closed_reason, occurrences from sync.issues")
        self.issue_history.compare(
            {(stock_item_id, rule): tuple(rest) for stock_item_id, rule, *rest in stored}, starts.values()
        )
        since = self.sql("select source_id, rule, since from sync.withheld where run_id = ?", run_id)
        assert all(
            self.issue_history.issues[stock_item_id, rule].since == moment for stock_item_id, rule, moment in since
        )
        return evaluated

    def no_file_is_left_behind(self) -> None:
        """Between runs there is no pending journal, no lock holder and no half-loaded package."""
        root = self.shop.data / "demo"
        left = {path.name for path in root.iterdir()} if root.is_dir() else set()
        assert left <= {"work.duckdb", "analytics.duckdb", "run.lock"}, left

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of the latest run's published database; all queries share one connection."""
        if self._published is None:
            self._published = duckdb.connect(str(self.shop.data / "demo" / "analytics.duckdb"), read_only=True)
        return self._published.execute(query, parameters).fetchall()

    def close(self) -> None:
        if self._published is not None:
            self._published.close()
            self._published = None


def _sku_options(sku: tuple[str, ...]) -> list[str]:
    return [word for pattern in sku for word in ("--sku", pattern)]


def _valid_row(number: int) -> Row:
    return size(number, sku="S", variantSku=str(number), sizeSku=".", ean=EANS[number % len(EANS)])


def _first_values(ways: dict[str, list[Any]]) -> Row:
    return {name: values[0] for name, values in ways.items()}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {json.dumps(one)}" for key, one in value.items()) + " }"
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def planned_changes(sql: Callable[[str], list[tuple[Any, ...]]]) -> dict[tuple[str, str], tuple[str, Row, Row]]:
    """`sync.changes` in the form of the oracle."""
    return {
        (action, key): (stock_item_id, _fields(before), _fields(after))
        for action, key, stock_item_id, before, after in sql(
            "select action, key, source_id, before, after from sync.changes"
        )
    }


def _refuses_access(fault: Row) -> bool:
    """Whether the fault means wrong credentials or a wrong address; token requests have more such answers."""
    status, hits_tokens = fault.get("status", 0), fault["side"] == "myogo" and fault["method"] in ("*", "POST")
    refused = fault["kind"] in ("status", "status_after") and (
        status in ACCESS_REFUSED or (hits_tokens and 400 <= status < 500 and status != 429)
    )
    no_token = hits_tokens and fault["kind"] in ("body", "html", "truncated")
    return refused or no_token or fault["kind"] in ("redirect", "revoke_tokens", "no")


def _fields(text: str) -> Row:
    """The columns of a planned change under myOGO's names."""
    columns = json.loads(text, parse_float=Decimal)
    return {PRODUCT.vendor[name]: value for name, value in columns.items()}


def _check_sums(verb: str, counts: dict[str, int]) -> None:
    """Checks the two sums that docs/commands.md documents."""
    planned = counts["create"] + counts["update"]
    assert counts["read"] == counts["skipped"] + counts["withheld"] + planned + counts["unchanged"], counts
    ended = sum(counts[name] for name in ("applied", "refused", "unknown", "not_attempted"))
    assert ended == (planned if verb == "push" else 0), counts


def _expected_bodies(before: list[Row], evaluation: Evaluation) -> dict[tuple[str, str], Row]:
    """The bodies of the plan: a create sends its fields, an update the complete object with our fields merged in."""
    held = {product["code"]: product for product in before}

    def complete_object(code: str) -> Row:
        return {name: value for name, value in held[code].items() if value not in (None, "") and name not in READ_ONLY}

    return {
        (action, code): new if action == "create" else complete_object(code) | new
        for (action, code), (_, _, new) in evaluation.changes.items()
    }


def _check_products(actual: list[Row], goal: list[Row], written: set[str]) -> None:
    """Compares products field by field in their order; only the edit time of a written product may differ."""
    new_defaults = {"stock": 0, "reserved": 0, "stockUpdate": 0}
    existing = [product for product in goal if "id" in product]
    assert [product["id"] for product in actual[: len(existing)]] == [product["id"] for product in existing]
    created = {product["code"]: product for product in goal[len(existing) :]}
    assert sorted(product["code"] for product in actual[len(existing) :]) == sorted(created)
    for product, expected in zip(
        actual, [*existing, *(created[one["code"]] for one in actual[len(existing) :])], strict=True
    ):
        ignored = {"editTime"} if product["code"] in written else set()
        ignored |= set() if "id" in expected else {"id"}
        expected = expected if "id" in expected else new_defaults | expected
        names = [name for name in product if name not in ignored]
        if product["code"] in written:  # a blank that is not sent back may become an absent value
            product = product | {name: None for name in names if product[name] == ""}
            expected = expected | {name: None for name in names if expected.get(name) == ""}
        assert {name: product[name] for name in names} == {name: expected.get(name) for name in names}
