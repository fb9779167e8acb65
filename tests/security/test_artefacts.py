"""Runs of every kind over one data folder; all output and files are searched for the secrets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.security.canaries import PLAIN, WITH_SPECIAL_CHARACTERS, Canaries, SecretScanner, forms
from tests.security.conftest import CanaryShop
from tests.security.echo_server import ReceivedRequest, Reply, at, centra_error, myogo_error, oauth_error
from tests.support.shop import TORTURE, expecting, size
from tests.support.shop_helpers import OtherHost

HTML = "HTML, text only"


class _DeletedFolders:
    """Searches each folder before it is deleted: dlt's folder exists only during a read."""

    def __init__(self) -> None:
        self.scanner: SecretScanner | None = None
        self.file_names: list[str] = []
        self.found: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.scanner is not None and event == "shutil.rmtree":
            scanner, self.scanner = self.scanner, None
            folder = Path(str(arguments[0]))
            self.found += scanner.in_files(folder)
            self.file_names += [path.name for path in folder.rglob("*")]
            self.scanner = scanner


_deleted_folders = _DeletedFolders()
sys.addaudithook(_deleted_folders)  # an audit hook cannot be removed; this one does nothing without a scanner


@pytest.fixture
def deleted_folders() -> Iterator[_DeletedFolders]:
    _deleted_folders.file_names, _deleted_folders.found = [], []
    yield _deleted_folders
    _deleted_folders.scanner = None


def _run_command(canary_shop: CanaryShop, *arguments: str) -> tuple[int, list[str]]:
    """Runs a command with --log debug; returns its exit code and the traces in its output."""
    _deleted_folders.scanner = canary_shop.scanner
    folder = [] if arguments[0] == "check" else ["--data", str(canary_shop.shop.data)]
    result = canary_shop.shop.command(
        "--log", "debug", arguments[0], str(canary_shop.shop.file), *arguments[1:], *folder
    )
    traces = [*canary_shop.scanner.find("stdout", result.stdout), *canary_shop.scanner.find("stderr", result.stderr)]
    return result.exit_code, traces


def _traces_everywhere(canary_shop: CanaryShop, *, docs: bool = True) -> list[str]:
    """Traces in all outputs made from the data folder, and in the folder itself."""
    out = canary_shop.shop.folder / "out"
    outputs = [
        ("--html", "r.html"),
        ("--csv", "csv"),
        ("--markdown", "r.md"),
        *([("--data-docs", "docs")] if docs else []),
    ]
    options = [part for option, name in outputs for part in (option, str(out / name))]
    found = []
    for command in (
        ("report", *options),
        ("report", "--json"),
        ("history", "SKU1"),
        ("history", "SKU2"),
        ("export", "--parquet", str(out / "parquet"), "--duckdb", str(out / "x.duckdb"), "--xlsx", str(out / "x.xlsx")),
    ):
        code, traces = _run_command(canary_shop, *command)
        assert code == 0
        found += traces
    assert {path.suffix for path in out.rglob("*")} >= {".html", ".csv", ".md", ".parquet", ".duckdb", ".xlsx"}
    return found + canary_shop.scanner.in_files(out, canary_shop.shop.data)


@pytest.mark.parametrize("canaries", [WITH_SPECIAL_CHARACTERS, *([PLAIN] if TORTURE else [])])
def test_runs_of_every_kind_leave_no_secret_behind(
    canary_shop_of: Callable[..., CanaryShop], canaries: Canaries, deleted_folders: _DeletedFolders
) -> None:
    """Success, refused, unknown, wrong credentials, redirect, HTML, broken contract, internal error, success again."""
    canary_shop = canary_shop_of(
        canaries, *(size(n) for n in range(1, 5)), size(5, prices=[]), myogo=[{"code": "SKU4", "id": 4}]
    )
    echo_server, shop = canary_shop.echo_server, expecting(canary_shop.shop)
    shop.edit("max_update_share = 0.75", "max_update_share = 1.0")
    traces: list[str] = []

    def run(*arguments: str, exit_code: int) -> None:
        code, found = _run_command(canary_shop, *arguments)
        assert code == exit_code, arguments
        traces.extend(found)
        echo_server.scripted.clear()

    def refuse(request: ReceivedRequest) -> Reply:
        return Reply(
            400, myogo_error(f"{request.secrets_as('as it is')} {request.secrets_as('base64 as a name')} " * 3)
        )

    def fail(request: ReceivedRequest) -> Reply:
        return Reply(502, f"<pre>{request.secrets_as(HTML)} {request.headers}</pre>", {"Content-Type": "text/html"})

    echo_server.script(lambda request: request.method == "POST" and b'"SKU1"' in request.body, refuse)
    echo_server.script(lambda request: request.method == "POST" and b'"SKU2"' in request.body, fail)
    echo_server.script(lambda request: request.method == "PUT", refuse)
    run("push", exit_code=3)
    outcomes = dict(shop.sql("select outcome, count(*) from sync.journal group by 1"))
    assert outcomes == {"applied": 1, "refused": 2, "unknown": 1}
    assert "***" in shop.sql("select message from sync.journal where outcome = 'refused'")[0][0]
    traces += _traces_everywhere(canary_shop, docs=TORTURE)

    echo_server.script(at("centra", "/"), lambda request: Reply(401, centra_error(request.secrets_as(".NET's JSON"))))
    run("plan", exit_code=2)
    echo_server.script(at("myogo", "/token"), lambda request: Reply(400, oauth_error(request.secrets_as("address"))))
    run("push", "--json", exit_code=2)
    with OtherHost() as other:
        for side in ("centra", *(["myogo"] if TORTURE else [])):
            echo_server.script(
                at(side, "/"),
                lambda request: Reply(307, "", {"Location": f"{other.url}/?{request.secrets_as('form')}"}),
            )
            run("plan", exit_code=2)
        assert other.received == []
    echo_server.script(at("centra", "/stock"), lambda request: Reply(200, f"<p>{request.secrets_as(HTML)}</p>"))
    run("plan", exit_code=5)
    if TORTURE:
        echo_server.script(
            at("myogo", "/Stock"), lambda request: Reply(200, f'[{{"productCode":["{request.secrets_as("JSON")}"]}}]')
        )
        run("plan", "--json", exit_code=5)
    echo_server.script(at("centra", "/products"), lambda request: Reply(200, '{"status":"ok","products":"none"}'))
    run("plan", exit_code=5)
    head = "[flows.products.params]"
    for fault in ("transform", "target"):
        name = {"transform": "to_myogo", "target": "Products"}[fault]
        shop.edit(head, f'[flows.products]\n{fault} = "tests.security.leaky_plugins:{name}"\n{head}')
        run("push", exit_code=1)
        shop.edit(f'[flows.products]\n{fault} = "tests.security.leaky_plugins:{name}"\n', "")
    run("check", exit_code=0)
    run("push", exit_code=3)
    assert traces + _traces_everywhere(canary_shop) == []
    assert deleted_folders.found == []
    assert any(name.endswith(".parquet") for name in deleted_folders.file_names), "dlt's folder was never searched"


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "code": lambda secret: {"sku": secret},
    "name": lambda secret: {"name": f"Parka {secret} blue"},
    "an unknown field": lambda secret: {"internalNote": {"deep": [secret]}},
    "the name of a field": lambda secret: {secret: 1},
    "a picture's address": lambda secret: {"images": [f"https://x.example/?key={forms(secret)['address']}"]},
    "a price list": lambda secret: {"prices": [{"id": secret, "price": "1", "currency": "EUR", "pricelist": "x"}]},
}


@pytest.mark.parametrize("where", PLACES)
def test_a_secret_in_a_product_of_centra_stops_the_run(
    canary_shop_of: Callable[..., CanaryShop], where: str, deleted_folders: _DeletedFolders
) -> None:
    """It must neither be sent to the other system nor be stored. The message does not contain it."""
    turn = list(PLACES).index(where) % len(WITH_SPECIAL_CHARACTERS.all)
    secrets = WITH_SPECIAL_CHARACTERS.all if TORTURE else (WITH_SPECIAL_CHARACTERS.all[turn],)
    canary_shop = canary_shop_of(WITH_SPECIAL_CHARACTERS, size(1), size(2))
    for secret in secrets:
        canary_shop.shop.box.reset()
        canary_shop.shop.box.change_centra_row(2, **PLACES[where](secret))
        code, traces = _run_command(canary_shop, "push")
        assert (code, traces) == (5, [])
        ((message, outcome),) = canary_shop.shop.sql(
            "select message, outcome from sync.runs order by started_at desc limit 1"
        )
        assert outcome == "contract"
        assert "the row of '2' contains one of this channel's secrets" in message
        assert canary_shop.shop.box.myogo_products() == []
    assert deleted_folders.found + canary_shop.scanner.in_files(canary_shop.shop.data) == []


def test_a_secret_key_in_a_product_of_myogo_stops_the_run_and_an_account_id_is_masked(
    canary_shop_of: Callable[..., CanaryShop],
) -> None:
    """Rows may contain the merchant id, but not a password or a token."""
    canary_shop = canary_shop_of(PLAIN, size(1), myogo=[{"code": "SKU1", "name": "x"}])
    shop, secrets = canary_shop.shop, canary_shop.canaries
    shop.edit("max_update_share = 0.75", "max_update_share = 1.0")
    rows = [{"code": "SKU1", "id": "1", "name": f"of {secrets.merchant_id}", "merchantId": secrets.merchant_id}]
    product_list = at("myogo", "/Products?limit", method="GET")

    canary_shop.echo_server.script(product_list, lambda _: Reply(200, json.dumps(rows)))
    assert _run_command(canary_shop, "plan") == (0, [])
    assert shop.sql("select name, extra from raw_myogo.products") == [("of ***", '{"merchantId":"***"}')]
    keys = [secrets.client_secret, *canary_shop.echo_server.tokens[:1]]
    for key in (
        [*keys, secrets.centra_token, secrets.secret_token, *canary_shop.echo_server.tokens[1:2]] if TORTURE else keys
    ):
        rows[0]["name"] = f"of {key}"
        assert _run_command(canary_shop, "plan") == (5, [])
    assert canary_shop.scanner.in_files(shop.data) == []


def test_a_short_number_in_a_product_is_not_taken_for_a_secret(canary_shop_of: Callable[..., CanaryShop]) -> None:
    """A merchant id of six digits may be part of an EAN; it neither stops the run nor changes the row."""

    canary_shop = canary_shop_of(replace(PLAIN, merchant_id="345678"), size(1, ean="7312345678909"))
    assert _run_command(canary_shop, "push")[0] == 0
    (product,) = canary_shop.shop.box.myogo_products()
    assert product["eanCode"] == "7312345678909"
