"""A third system, an ERP with a REST API, and a flow to it and one from it."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import dlt
import pandas as pd
import pyarrow as pa

from pipelines.core.errors import SourceError, TargetRefused, TargetUnknown
from pipelines.core.json_codec import decode, encode
from pipelines.core.secret import Secret
from pipelines.engine.flow import Evaluation, Flow, Step, Words
from pipelines.state.schema import Table, columns
from pipelines.systems.arrow_columns import Findings, table
from pipelines.systems.http.failures import CallFailed, write_error
from pipelines.systems.http.session import Repeat, Request, RequestStats, Session
from pipelines.systems.http.settings import SystemConfig
from pipelines.systems.system import (
    CheckRunner,
    MirrorTable,
    NotVerified,
    System,
    SystemCheck,
    VerifiedMessage,
    Webhook,
)
from schemas.contract import Contract
from schemas.fields.spec import FieldSpec
from schemas.issues import Check, first_broken, issues_of_checks, no_issues
from schemas.rule import Rule

TOKEN = "erp-token-4711-abcdef"
HOOK_SECRET = "erp-hook-secret-0815"
ITEMS = (
    FieldSpec("number", "number", "id", required=True),
    FieldSpec("title", "title", "text"),
    FieldSpec("price", "price", "number"),
)


@dataclass
class Erp:
    """The stand-in: a list of items, one write at a time, each of them counted."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    url: str = ""


@contextmanager
def erp_server(**items: dict[str, Any]) -> Iterator[Erp]:
    state = Erp({number: {"number": number} | fields for number, fields in items.items()})

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Prints nothing."""

        def _answer(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._answer(401, {})
            else:
                self._answer(200, [item for _, item in sorted(state.items.items())])

        def do_PUT(self) -> None:
            item = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if item["number"] in state.refuse:
                self._answer(422, {"error": "the item is locked by the bookkeeper"})
                return
            state.items[item["number"]] = state.items.get(item["number"], {}) | item
            state.writes.append(item["number"])
            self._answer(200, item)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class ErpConfig(SystemConfig):
    token: Secret


class ErpClient:
    def __init__(self, config: ErpConfig) -> None:
        self.config = config
        self.session = Session("ERP", config)
        self._token = config.token.reveal()

    @property
    def stats(self) -> RequestStats:
        return self.session.stats

    def close(self) -> None:
        self.session.close()

    def items(self) -> list[dict[str, Any]]:
        try:
            answer = self.session.call(Request("GET", "/items", Repeat.SAFE, headers=self._headers))
        except CallFailed as failed:
            raise SourceError(f"ERP: {failed.message}.", "Run again later.") from failed
        if answer.status != 200:
            raise SourceError(f"ERP: HTTP {answer.status}.", "Check the token.")
        return list(answer.json())

    def put(self, item: Mapping[str, Any]) -> None:
        """Raises TargetRefused, TargetUnknown or TargetUnavailable."""
        request = Request("PUT", "/items", Repeat.IDEMPOTENT, body=encode(item), headers=self._headers)
        try:
            answer = self.session.call(request)
        except CallFailed as failed:
            raise write_error("ERP PUT /items", failed, "token", "Check base_url.", "Run again later.") from failed
        if answer.status == 422:
            raise TargetRefused(f"ERP: {answer.json()['error']}", status=422)
        if answer.status != 200:
            raise TargetUnknown(f"ERP: HTTP {answer.status}", status=answer.status)

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


@dlt.source(name="erp", max_table_nesting=0)
def erp_items(client: ErpClient, findings: Findings, since: object = None) -> Any:
    @dlt.resource(write_disposition="replace")
    def items() -> Iterator[pa.Table]:
        yield table(client.items(), ITEMS, lambda index: f"ERP item {index + 1}", findings)

    return items


def verify(secret: str, tolerance_s: float, header: str, body: bytes, now: float) -> VerifiedMessage:
    digest = hmac.digest(secret.encode(), body, "sha256")
    if not hmac.compare_digest(digest.hex().encode(), header.encode("utf-8", "surrogatepass")):
        raise NotVerified("wrong_signature")
    return VerifiedMessage(digest, now + tolerance_s)


def events(body: bytes) -> Sequence[str]:
    return [str(decode(body)["about"])]


class ErpSystem(System):
    name = "erp"
    title = "the ERP"
    Config = ErpConfig
    catalogue = "tests.end_to_end.extension.erp:erp_items"
    mirror = (MirrorTable("items", "items", ITEMS, "number"),)
    webhook = Webhook("erp_secret", "X-Erp-Signature", verify, events)

    def connect(self, config: ErpConfig, permissions: Sequence[str]) -> ErpClient:
        return ErpClient(config)

    def preflight(
        self, config: ErpConfig, permissions: Sequence[str], extra_checks: Sequence[SystemCheck], runner: CheckRunner
    ) -> None:
        client = ErpClient(config)
        runner.run("items", lambda: ("ok", f"{len(client.items())} items are listed", ""))
        client.close()


SYSTEM = ErpSystem()


@dataclass(frozen=True)
class NoParams:
    """The flow has no parameters."""


class _ItemFlow(Flow):
    """What both flows share: sizes or items by their code, a title and a price, and titles that must be there."""

    transform = "tests.end_to_end.extension.erp:as_they_are"
    words = Words("item", "items", unmatched="only there")
    query: ClassVar[str]
    live_query: ClassVar[str]

    def evaluate(self, step: Step) -> Evaluation:
        contract: Contract = self.compared
        with step("transform"):
            names = ["source_id", contract.key, *contract.compare, *contract.insert_only]
            rows = as_they_are(self.store.frame(f"({self.query})", names), self.params)
            live = as_they_are(self.store.frame(f"({self.live_query})", list(contract.columns)), self.params)
        with step("validate"):
            selected = self.context.select_by_sku(rows[contract.key])
            failed = first_broken(rows, self.checks).where(selected, -1)
            coded = rows.assign(code=rows[contract.key])
            desired = rows[selected & (failed < 0)].reset_index(drop=True)
        counts = {
            "read": len(rows),
            "skipped": int((~selected).sum()),
            "withheld": int((failed >= 0).sum()),
            "drifted": 0,
            "unmatched": int((~live[contract.key].isin(rows[contract.key])).sum()),
        }
        records = rows[["source_id"]].assign(selected=selected)
        return Evaluation(desired, live, issues_of_checks(coded, failed, self.checks), no_issues(), records, counts)

    compared: ClassVar[Contract]
    checks: ClassVar[tuple[Check, ...]]


def as_they_are(rows: pd.DataFrame, params: NoParams) -> pd.DataFrame:
    """The rows, with prices as decimals."""
    if "sales_price" not in rows:
        return rows
    return rows.assign(sales_price=rows["sales_price"].map(Decimal, na_action="ignore"))


LEDGER_RULE = Rule(
    "LEDGER-001",
    True,
    "the size has no name to post it under",
    "The product is new and has no name yet.",
    "In Centra, give the product a name.",
    "Centra",
)
LEDGER = Contract(key="number", compare=("title",), create_only=(), summary=("title",))


class ItemTarget:
    def __init__(self, clients: Mapping[str, Any], params: NoParams) -> None:
        self.client: ErpClient = clients["erp"]

    def create(self, key: str, row: dict[str, Any]) -> str:
        self.client.put({"number": key} | row)
        return ""

    def update(self, key: str, row: dict[str, Any]) -> str:
        self.client.put({"number": key} | row)
        return ""


class LedgerFlow(_ItemFlow):
    """Centra's sizes to the ERP."""

    source, target_system = "centra", "erp"
    extract = "pipelines.systems.centra.source:centra"
    live = "tests.end_to_end.extension.erp:erp_items"
    contract = "tests.end_to_end.extension.erp:LEDGER"
    target = "tests.end_to_end.extension.erp:ItemTarget"
    rules = (LEDGER_RULE,)
    webhook_events: ClassVar = {"erp": frozenset({"locked"}), "centra": frozenset({"products"})}
    outputs = (Table("out_erp.notes", "What a flow may write for its own use.", columns("note varchar | Any text.")),)
    compared = LEDGER
    checks = (Check(LEDGER_RULE, lambda rows: rows["title"].fillna("") == "", "title", lambda row: "It has no name."),)
    query = (
        "select stock_item_id as source_id, concat(sku, variant_sku, size_sku) as number, name as title "
        "from raw_centra.products"
    )
    live_query = "select number, title from raw_erp.items"


ASSORTMENT_RULE = Rule(
    "ASSORT-001",
    True,
    "the item has no title",
    "The ERP keeps items before they are named.",
    "In the ERP, give the item a title.",
    "the ERP",
)
ASSORTMENT = Contract(
    key="code", compare=("name", "sales_price"), create_only=(), insert_only=("language_code",), summary=("name",)
)


class AssortmentFlow(_ItemFlow):
    """The ERP's items to myOGO, written by the target that the products flow uses."""

    source, target_system = "erp", "myogo"
    extract = "tests.end_to_end.extension.erp:erp_items"
    live = "pipelines.systems.myogo.source:myogo"
    contract = "tests.end_to_end.extension.erp:ASSORTMENT"
    target = "pipelines.systems.myogo.product_target:ProductTarget"
    rules = (ASSORTMENT_RULE,)
    permissions: ClassVar = {"myogo": ("read:product", "write:product")}
    webhook_events: ClassVar = {"erp": frozenset({"item"})}
    compared = ASSORTMENT
    checks = (
        Check(ASSORTMENT_RULE, lambda rows: rows["name"].fillna("") == "", "name", lambda row: "It has no title."),
    )
    query = (
        "select number as source_id, number as code, title as name, price as sales_price, 'en' as language_code "
        "from raw_erp.items"
    )
    live_query = "select code, name, sales_price, language_code from raw_myogo.products"
