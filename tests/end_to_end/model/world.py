"""One shop under the model: what happens to it, runs of it, and what has to hold after each of them."""

from __future__ import annotations

import base64
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
from tests.end_to_end.model.memory import Memory
from tests.end_to_end.model.oracle import Channel, Row, Verdict
from tests.end_to_end.model.vocabulary import ASKING, CENTRA_WAYS, EANS, MYOGO_WAYS, SIZES
from tests.support import child_process
from tests.support.shop import Shop, euro, size

# What myOGO tells of itself and nobody owns.
TOLD = ("batchTracked", "channels", "stockAvailable", "stockUpdateTime")
# Faults that say that we may not come in, or that the address is another.
TURNED_AWAY = {401, 403, 404}
READ_ONLY = ("id", "stock", "reserved", "stockUpdate", "editTime")
PARAMS = ("currency", "pricelist_id", "language", "language_by_store", "include_inactive", "allow_zero_price")
USUAL = Channel(max_update_share=Decimal("0.9"))
LIMITS = ("min_rows", "max_creates", "max_updates", "max_update_share")


class World:
    """`rows` and `channel` are the model's own account of Centra and of the channel file; myOGO is asked."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        box.reset()
        folder.mkdir()
        self.box = box
        self.shop = Shop(box, folder, "")
        self.rows: dict[int, Row] = {}
        self.channel = USUAL
        self.asking: Row = _first(ASKING)
        self.memory = Memory()
        self._published: duckdb.DuckDBPyConnection | None = None
        self.changes: dict[tuple[str, str], tuple[str, Row, Row]] = {}  # of the latest run

    # What happens between runs.

    def happen(self, edits: Iterable[tuple[Any, ...]]) -> None:
        for what, *details in edits:
            match what, *details:
                case "size", number, fields:
                    self._size(number, fields)
                case "size changed", index, fields if self.rows:
                    self._size(self._number(index), fields)
                case "size mended", index if self.rows:
                    self._size(number := self._number(index), _fit(number))
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
                    self.channel = replace(USUAL, **values)
                case "centra writes", ways:
                    self.box.switch("centra", **_first(CENTRA_WAYS) | ways)
                case "myogo writes", ways:
                    self.box.switch("myogo", **_first(MYOGO_WAYS) | ways)
                case "we ask", ways:
                    self.asking = _first(ASKING) | ways

    def _size(self, number: int, fields: Row) -> None:
        row = self.rows.get(number, _fit(number)) | fields
        if isinstance(row["prices"], list):
            row["prices"] = [euro(entry["price"], entry["id"]) | entry for entry in row["prices"]]
        if number in self.rows:
            self.box.change_centra_row(number, **{name: row[name] for name in row if name != "stockItemId"})
        else:
            self.box.add_centra_row(row)
        self.rows[number] = row

    def _number(self, index: int) -> int:
        """The number of one of Centra's sizes; there is one."""
        return sorted(self.rows)[index % len(self.rows)]

    def _code(self, index: int) -> str:
        """The code of one of myOGO's products, "" where there is none."""
        codes = sorted(product["code"] for product in self.held())
        return str(codes[index % len(codes)]) if codes else ""

    def held(self) -> list[Row]:
        """myOGO's products, oldest first."""
        return [
            {name: value for name, value in product.items() if name not in TOLD}
            for product in self.box.myogo_products()
        ]

    def _tidy(self) -> None:
        """Has somebody clear myOGO up before it holds more than SIZES products: what is not in Centra, then copies."""
        made = {oracle.code_of(row) for row in self.rows.values()}
        for copies in (False, True):
            seen: set[str] = set()
            for product in self.held():
                if len(self.held()) + len(made - {one["code"] for one in self.held()}) <= SIZES:
                    return
                if product["code"] in seen if copies else product["code"] not in made:
                    self.box.delete_myogo_product(product["code"])
                seen.add(product["code"])

    # Runs.

    def run(
        self, verb: str = "push", sku: tuple[str, ...] = (), expect: str = "", force: bool = False, **limits: Any
    ) -> Any:
        """A run that nothing disturbs, on the command line; everything is as the oracle says. Returns its JSON."""
        before, said, channel = self._prepare(sku, limits)
        self.changes = said.changes
        document = self._command(verb, sku, expect, force)
        self._calm(verb, document, before, said, channel, sku, expect, force)
        return document

    def stormy_run(self, faults: list[Row], sku: tuple[str, ...]) -> None:
        """A push that meets `faults`: what was done is part of what the oracle says, and the exit code no lie."""
        before, said, channel = self._prepare(sku, {})
        for fault in faults:
            self.box.add_fault(**fault)
        document = self._command("push", sku, "", False)
        met = [fault for fault in self.box.faults() if fault["taken"]]
        self.box.clear_faults()
        if met:
            self._stormy(document, before, said, met)
            self._remember(document["run_id"], said, sku)
        else:
            self._calm("push", document, before, said, channel, sku, "", False)

    def killed_run(self, kill: Row, sku: tuple[str, ...]) -> None:
        """A push that is killed while it waits for an answer; no answer to wait for, and it ends by itself."""
        before, said, _ = self._prepare(sku, {})
        self.box.add_fault(**kill, seconds=60)
        where = ("push", str(self.shop.file), "--data", str(self.shop.data))
        gone = child_process.run(*where, *_narrowed(sku), folder=self.shop.folder, due=self._hangs)
        assert gone.code in (-signal.SIGKILL, 0, 3, 5), gone
        self.box.clear_faults()
        self._partly(before, said)
        self.memory.unsure = True

    def _hangs(self) -> bool:
        return any(fault["taken"] for fault in self.box.faults())

    def _prepare(self, sku: tuple[str, ...], limits: Row) -> tuple[list[Row], Verdict, Channel]:
        self.close()
        self._tidy()
        channel = replace(self.channel, **limits)
        self._write_channel_file(channel)
        self.box.clear_requests()
        before = self.held()
        return before, oracle.verdict(list(self.rows.values()), before, channel, sku), channel

    def _command(self, verb: str, sku: tuple[str, ...], expect: str, force: bool) -> Row:
        words = _narrowed(sku)
        if verb == "push":
            words += (["--expect", expect] if expect else []) + (["--force"] if force else [])
        return self.shop.json(verb, *words)

    def _write_channel_file(self, channel: Channel) -> None:
        """The sandbox's own channel file, with these settings in it."""
        systems = channel_file(self.box.centra_url, self.box.myogo_url).partition("[flows.")[0]
        lines = {
            "page_size           = 100": f"page_size           = {self.asking['centra_page']}",
            "client_id  ": f"page_size           = {self.asking['myogo_page']}\nclient_id  ",
            "max_in_flight       = 1": f"max_in_flight       = {self.asking['in_flight']}",
            "max_in_flight       = 4": f"max_in_flight       = {self.asking['in_flight']}",
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
        self.shop.text = systems
        self.shop.file.write_text(systems, "utf-8")

    # What has to hold.

    def _calm(
        self,
        verb: str,
        document: Row,
        before: list[Row],
        said: Verdict,
        channel: Channel,
        sku: tuple[str, ...],
        expect: str,
        force: bool,
    ) -> None:
        assert document["flows"], document
        counts, run_id = document["flows"]["products"], document["run_id"]
        _adds_up(verb, counts)
        if self._contract_is_broken():
            assert (document["exit_code"], document["outcome"]) == (5, "contract"), document
            assert self.held() == before
            assert not self._writes()
            assert not self._remember(run_id, said, sku)
            return
        self._same_buckets(run_id, counts, said)
        assert self._remember(run_id, said, sku)
        stopped = (expect and expect != document["fingerprint"]) or (
            not force and oracle.limits_refuse(said, channel, len(before))
        )
        refused = set() if stopped or verb == "plan" else self._refused(before, said)
        assert document["exit_code"] == (4 if stopped else 3 if said.withheld or refused else 0), document
        acts = verb == "push" and not stopped
        assert self._writes() == (_as_sent(before, said) if acts else {})
        goal = oracle.after(before, said, refused) if acts else before
        _same_products(self.held(), goal, {code for _, code in said.changes} - refused if acts else set())
        done = len(said.changes) - len(refused)
        ends = {"applied": done, "refused": len(refused), "unknown": 0, "not_attempted": 0}
        if not acts:
            ends = dict.fromkeys(ends, 0) | ({"not_attempted": len(said.changes)} if verb == "push" else {})
        assert {name: counts[name] for name in ends} == ends
        journal = {(action, code): "refused" if code in refused else "applied" for action, code in said.changes}
        assert self._journal(run_id) == (journal if acts else {})

    def _same_buckets(self, run_id: str, counts: Row, said: Verdict) -> None:
        """The report's counts, and each size in the tables, are as the oracle says."""
        assert {name: counts[name] for name in ("read", "skipped", "withheld", "drifted", "unmatched")} == {
            "read": said.read,
            "skipped": len(said.skipped),
            "withheld": len(said.withheld),
            "drifted": said.drifted,
            "unmatched": said.unmatched,
        }
        told: dict[str, set[str]] = {}
        for own, rule in self.sql("select source_id, rule from sync.withheld where run_id = ?", run_id):
            told.setdefault(own, set()).add(rule)
        assert told == said.withheld
        assert planned_changes(lambda query: self.sql(f"{query} where run_id = ?", run_id)) == said.changes
        going_out = {own for (own,) in self.sql("select stock_item_id from out_myogo.products")}
        assert going_out == said.unchanged | {own for own, _, _ in said.changes.values()}
        assert counts["unchanged"] == len(said.unchanged)

    def _stormy(self, document: Row, before: list[Row], said: Verdict, met: list[Row]) -> None:
        counts, run_id, code = document["flows"]["products"], document["run_id"], document["exit_code"]
        _adds_up("push", counts)
        done = self._partly(before, said)
        journal = self._journal(run_id)
        turned_away = any(map(_turns_away, met))
        assert code in ({0, 2, 3, 5} if turned_away else {0, 3, 5}), (document, met)
        assert {what for what, outcome in journal.items() if outcome == "applied"} <= done
        assert set(journal) <= set(said.changes)
        if len(met) == 1 and met[0]["taken"] == 1:  # one lie is seen through
            assert not done & {what for what, outcome in journal.items() if outcome == "refused"}, (journal, met)
        if code in (0, 3):
            self._same_buckets(run_id, counts, said)
            open_ends = {what for what, outcome in journal.items() if outcome != "applied"}
            assert code == (3 if said.withheld or open_ends else 0)
            assert set(journal) == set(said.changes)
            assert done >= set(said.changes) - open_ends

    def _partly(self, before: list[Row], said: Verdict) -> set[tuple[str, str]]:
        """Every product is as it was or as the oracle has it after the change; returns the changes that are done."""
        goal = oracle.after(before, said, set())
        news = {product["code"]: product for product in goal[len(before) :]}
        now = self.held()
        assert [product["id"] for product in now[: len(before)]] == [product["id"] for product in before]
        done = set()
        for product, old, new in zip(now, before, goal, strict=False):
            if product != old:
                _same_products([product], [new], {old["code"]})
                done.add(("update", old["code"]))
        for product in now[len(before) :]:
            _same_products([product], [news.pop(product["code"])], {product["code"]})
            done.add(("create", product["code"]))
        return done

    def _refused(self, before: list[Row], said: Verdict) -> set[str]:
        """The codes of which myOGO says no: their name would be longer than it takes."""
        most = self.box.switches("myogo")["name_max"]
        if not most:
            return set()
        codes = {code for _, code in said.changes}
        goal = oracle.after(before, said, set())
        return {p["code"] for p in goal if p["code"] in codes and len(p.get("name") or "") > most}

    def _contract_is_broken(self) -> bool:
        """Whether Centra leaves out a field that we rely on: it does so with all that is empty, where told to."""
        if self.box.switches("centra")["empty_as"] != "missing":
            return False
        required = (*oracle.PARTS, "prices")
        return any(row[name] is None or row[name] == "" for row in self.rows.values() for name in required)

    def _writes(self) -> dict[tuple[str, str], Row]:
        """What myOGO was sent, each write once: by action and code the body."""
        sent: dict[tuple[str, str], Row] = {}
        for entry in self.box.requests("myogo"):
            if entry["method"] == "GET" or entry["path"].lower() == "/oauth/token":
                continue
            if entry["method"] == "POST":
                what = "create", entry["body"]["code"]
            else:
                text = entry["path"].rsplit("/", 1)[1]
                what = "update", base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            assert what not in sent, f"{what} was sent twice"
            sent[what] = {name: value for name, value in entry["body"].items() if name not in TOLD}
        return sent

    def _journal(self, run_id: str) -> dict[tuple[str, str], str]:
        assert not self.sql("select 1 from sync.journal where outcome is null")  # no run's, killed ones included
        rows = self.sql("select action, key, outcome, ended_at from sync.journal where run_id = ?", run_id)
        assert all(outcome and ended for *_, outcome, ended in rows)
        assert len({(action, key) for action, key, *_ in rows}) == len(rows)
        return {(action, key): outcome for action, key, outcome, _ in rows}

    def _remember(self, run_id: str, said: Verdict, sku: tuple[str, ...]) -> bool:
        """Compares what the run remembers of faults with the model's account; whether it came to judging at all."""
        judged = bool(self.sql("select 1 from sync.rule_counts where run_id = ? limit 1", run_id))
        starts = dict(self.sql("select run_id, started_at from sync.runs"))
        if judged:
            told = {(own, rule) for own, rules in said.withheld.items() for rule in rules}
            everybody = {str(number) for number in self.rows}
            self.memory.judged(starts[run_id], told, everybody, everybody - said.skipped, narrowed=bool(sku))
        kept = self.sql("select source_id, rule, since, closed_reason, occurrences from sync.issues")
        self.memory.compare({(own, rule): tuple(rest) for own, rule, *rest in kept}, starts.values())
        since = self.sql("select source_id, rule, since from sync.withheld where run_id = ?", run_id)
        assert all(self.memory.faults[own, rule].since == moment for own, rule, moment in since)
        return judged

    def nothing_is_left(self) -> None:
        """Between runs there is no journal to be folded, no holder of the lock, no half-loaded package."""
        root = self.shop.data / "demo"
        left = {path.name for path in root.iterdir()} if root.is_dir() else set()
        assert left <= {"work.duckdb", "analytics.duckdb", "run.lock"}, left

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of what the latest run published; one connection for all questions about it."""
        if self._published is None:
            self._published = duckdb.connect(str(self.shop.data / "demo" / "analytics.duckdb"), read_only=True)
        return self._published.execute(query, parameters).fetchall()

    def close(self) -> None:
        if self._published is not None:
            self._published.close()
            self._published = None


def _narrowed(sku: tuple[str, ...]) -> list[str]:
    return [word for pattern in sku for word in ("--sku", pattern)]


def _fit(number: int) -> Row:
    return size(number, sku="S", variantSku=str(number), sizeSku=".", ean=EANS[number % len(EANS)])


def _first(ways: dict[str, list[Any]]) -> Row:
    return {name: values[0] for name, values in ways.items()}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {json.dumps(one)}" for key, one in value.items()) + " }"
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def planned_changes(sql: Callable[[str], list[tuple[Any, ...]]]) -> dict[tuple[str, str], tuple[str, Row, Row]]:
    """`sync.changes` in the oracle's form."""
    return {
        (action, key): (own, _fields(before), _fields(after))
        for action, key, own, before, after in sql("select action, key, source_id, before, after from sync.changes")
    }


def _turns_away(fault: Row) -> bool:
    """Whether the fault says that we may not come in, or that the address is wrong; a token address has more ways."""
    status, of_tokens = fault.get("status", 0), fault["side"] == "myogo" and fault["method"] in ("*", "POST")
    refused = fault["kind"] in ("status", "status_after") and (
        status in TURNED_AWAY or (of_tokens and 400 <= status < 500 and status != 429)
    )
    no_token = of_tokens and fault["kind"] in ("body", "html", "truncated")
    return refused or no_token or fault["kind"] in ("redirect", "revoke_tokens", "no")


def _fields(text: str) -> Row:
    """Our columns of a planned change by myOGO's names."""
    columns = json.loads(text, parse_float=Decimal)
    return {PRODUCT.vendor[name]: value for name, value in columns.items()}


def _adds_up(verb: str, counts: dict[str, int]) -> None:
    """The two sums that README promises."""
    planned = counts["create"] + counts["update"]
    assert counts["read"] == counts["skipped"] + counts["withheld"] + planned + counts["unchanged"], counts
    ended = sum(counts[name] for name in ("applied", "refused", "unknown", "not_attempted"))
    assert ended == (planned if verb == "push" else 0), counts


def _as_sent(before: list[Row], said: Verdict) -> dict[tuple[str, str], Row]:
    """The writes of the plan: a create sends its fields, an update the whole object with ours merged in."""
    held = {product["code"]: product for product in before}

    def whole(code: str) -> Row:
        return {name: value for name, value in held[code].items() if value not in (None, "") and name not in READ_ONLY}

    return {
        (action, code): new if action == "create" else whole(code) | new
        for (action, code), (_, _, new) in said.changes.items()
    }


def _same_products(now: list[Row], goal: list[Row], written: set[str]) -> None:
    """Field by field, in the order in which they came; of what was written, only when it was edited may differ."""
    new = {"stock": 0, "reserved": 0, "stockUpdate": 0}
    old = [product for product in goal if "id" in product]
    assert [product["id"] for product in now[: len(old)]] == [product["id"] for product in old]
    made = {product["code"]: product for product in goal[len(old) :]}
    assert sorted(product["code"] for product in now[len(old) :]) == sorted(made)
    for product, meant in zip(now, [*old, *(made[one["code"]] for one in now[len(old) :])], strict=True):
        untold = {"editTime"} if product["code"] in written else set()
        untold |= set() if "id" in meant else {"id"}
        meant = meant if "id" in meant else new | meant
        told = [name for name in product if name not in untold]
        if product["code"] in written:  # a blank that is not sent back may become an absent value
            product = product | {name: None for name in told if product[name] == ""}
            meant = meant | {name: None for name in told if meant.get(name) == ""}
        assert {name: product[name] for name in told} == {name: meant.get(name) for name in told}
