"""Runs of every kind over one data folder, then everything that was said and written is searched for the secrets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.security.canaries import PLAIN, SPIKY, Canaries, Watch, forms
from tests.security.conftest import Vault
from tests.security.mirror import Heard, Reply, at, centra_says, myogo_says, oauth_says
from tests.support.shop import TORTURE, size
from tests.support.shop_helpers import Elsewhere

HTML = "HTML, text only"


class _Removals:
    """Looks into each folder that is being removed, while it is still there: dlt's lives no longer than a read."""

    def __init__(self) -> None:
        self.watch: Watch | None = None
        self.looked: list[str] = []
        self.found: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watch is not None and event == "shutil.rmtree":
            watch, self.watch = self.watch, None
            folder = Path(str(arguments[0]))
            self.found += watch.in_files(folder)
            self.looked += [path.name for path in folder.rglob("*")]
            self.watch = watch


_removals = _Removals()
sys.addaudithook(_removals)  # for good; it does nothing without a watch


@pytest.fixture
def removals() -> Iterator[_Removals]:
    _removals.looked, _removals.found = [], []
    yield _removals
    _removals.watch = None


def _told(vault: Vault, *words: str) -> tuple[int, list[str]]:
    """A command at debug: its exit code, and the traces in what it said."""
    _removals.watch = vault.watch
    folder = [] if words[0] == "check" else ["--data", str(vault.shop.data)]
    result = vault.shop.command("--log", "debug", words[0], str(vault.shop.file), *words[1:], *folder)
    said = [*vault.watch.found("stdout", result.stdout), *vault.watch.found("stderr", result.stderr)]
    return result.exit_code, said


def _everything(vault: Vault, *, docs: bool = True) -> list[str]:
    """Traces in all that can be made of the data folder, and in the folder itself."""
    out = vault.shop.folder / "out"
    wanted = [
        ("--html", "r.html"),
        ("--csv", "csv"),
        ("--markdown", "r.md"),
        *([("--data-docs", "docs")] if docs else []),
    ]
    words = [part for option, name in wanted for part in (option, str(out / name))]
    found = []
    for command in (
        ("report", *words),
        ("report", "--json"),
        ("history", "SKU1"),
        ("history", "SKU2"),
        ("export", "--parquet", str(out / "parquet")),
    ):
        code, said = _told(vault, *command)
        assert code == 0
        found += said
    assert {path.suffix for path in out.rglob("*")} >= {".html", ".csv", ".md", ".parquet"}
    return found + vault.watch.in_files(out, vault.shop.data)


@pytest.mark.parametrize("canaries", [SPIKY, *([PLAIN] if TORTURE else [])])
def test_runs_of_every_kind_leave_no_secret_behind(
    vault_of: Callable[..., Vault], canaries: Canaries, removals: _Removals
) -> None:
    """Good, refused, unknown; credentials wrong, redirected, HTML, contract broken, our own fault; and a good one."""
    vault = vault_of(canaries, *(size(n) for n in range(1, 5)), size(5, prices=[]), myogo=[{"code": "SKU4", "id": 4}])
    mirror, shop = vault.mirror, vault.shop
    shop.edit("max_update_share = 0.75", "max_update_share = 1.0")
    said: list[str] = []

    def run(*words: str, exit_code: int) -> None:
        code, found = _told(vault, *words)
        assert code == exit_code, words
        said.extend(found)
        mirror.spells.clear()

    def refuses(heard: Heard) -> Reply:
        return Reply(400, myogo_says(f"{heard.said('as it is')} {heard.said('base64 as a name')} " * 3))

    def breaks(heard: Heard) -> Reply:
        return Reply(502, f"<pre>{heard.said(HTML)} {heard.headers}</pre>", {"Content-Type": "text/html"})

    mirror.cast(lambda heard: heard.method == "POST" and b'"SKU1"' in heard.body, refuses)
    mirror.cast(lambda heard: heard.method == "POST" and b'"SKU2"' in heard.body, breaks)
    mirror.cast(lambda heard: heard.method == "PUT", refuses)
    run("push", exit_code=3)
    outcomes = dict(shop.sql("select outcome, count(*) from sync.journal group by 1"))
    assert outcomes == {"applied": 1, "refused": 2, "unknown": 1}
    assert "***" in shop.sql("select message from sync.journal where outcome = 'refused'")[0][0]
    said += _everything(vault, docs=TORTURE)

    mirror.cast(at("centra", "/"), lambda heard: Reply(401, centra_says(heard.said(".NET's JSON"))))
    run("plan", exit_code=2)
    mirror.cast(at("myogo", "/token"), lambda heard: Reply(400, oauth_says(heard.said("address"))))
    run("push", "--json", exit_code=2)
    with Elsewhere() as other:
        for side in ("centra", *(["myogo"] if TORTURE else [])):
            mirror.cast(at(side, "/"), lambda heard: Reply(307, "", {"Location": f"{other.url}/?{heard.said('form')}"}))
            run("plan", exit_code=2)
        assert other.heard == []
    mirror.cast(at("centra", "/stock"), lambda heard: Reply(200, f"<p>{heard.said(HTML)}</p>"))
    run("plan", exit_code=5)
    if TORTURE:
        mirror.cast(at("myogo", "/Stock"), lambda heard: Reply(200, f'[{{"productCode":["{heard.said("JSON")}"]}}]'))
        run("plan", "--json", exit_code=5)
    mirror.cast(at("centra", "/products"), lambda heard: Reply(200, '{"status":"ok","products":[{"stockItemId":1}]}'))
    run("plan", exit_code=5)
    head = "[flows.products.params]"
    for fault in ("transform", "target"):
        broken = {"transform": "to_myogo", "target": "Products"}[fault]
        shop.edit(head, f'[flows.products]\n{fault} = "tests.security.broken:{broken}"\n{head}')
        run("push", exit_code=1)
        shop.edit(f'[flows.products]\n{fault} = "tests.security.broken:{broken}"\n', "")
    run("check", exit_code=0)
    run("push", exit_code=3)
    assert said + _everything(vault) == []
    assert removals.found == []
    assert any(name.endswith(".parquet") for name in removals.looked), "dlt's folder was never looked into"


WHERE: dict[str, Callable[[str], dict[str, Any]]] = {
    "code": lambda secret: {"sku": secret},
    "name": lambda secret: {"name": f"Parka {secret} blue"},
    "a field nobody knows": lambda secret: {"internalNote": {"deep": [secret]}},
    "the name of a field": lambda secret: {secret: 1},
    "a picture's address": lambda secret: {"images": [f"https://x.example/?key={forms(secret)['address']}"]},
    "a price list": lambda secret: {"prices": [{"id": secret, "price": "1", "currency": "EUR", "pricelist": "x"}]},
}


@pytest.mark.parametrize("where", WHERE)
def test_a_secret_in_a_product_of_centra_stops_the_run(
    vault_of: Callable[..., Vault], where: str, removals: _Removals
) -> None:
    """Sent on, it would reach the other host; stored, it would lie in a table. So neither: told, without naming it."""
    turn = list(WHERE).index(where) % len(SPIKY.all)
    secrets = SPIKY.all if TORTURE else (SPIKY.all[turn],)
    vault = vault_of(SPIKY, size(1), size(2))
    for secret in secrets:
        vault.shop.box.reset()
        vault.shop.box.change_centra_row(2, **WHERE[where](secret))
        code, said = _told(vault, "push")
        assert (code, said) == (5, [])
        ((message, outcome),) = vault.shop.sql(
            "select message, outcome from sync.runs order by started_at desc limit 1"
        )
        assert outcome == "contract"
        assert "the row of '2' holds one of this channel's secrets" in message
        assert vault.shop.box.myogo_products() == []
    assert removals.found + vault.watch.in_files(vault.shop.data) == []


def test_a_key_in_a_product_of_myogo_stops_the_run_and_a_name_is_masked(vault_of: Callable[..., Vault]) -> None:
    """What myOGO calls us it may well say in each of its rows; what only we should know it may not."""
    vault = vault_of(PLAIN, size(1), myogo=[{"code": "SKU1", "name": "x"}])
    shop, ours = vault.shop, vault.canaries
    shop.edit("max_update_share = 0.75", "max_update_share = 1.0")
    rows = [{"code": "SKU1", "id": "1", "name": f"of {ours.merchant_id}", "merchantId": ours.merchant_id}]
    listed = at("myogo", "/Products?limit", method="GET")

    vault.mirror.cast(listed, lambda _: Reply(200, json.dumps(rows)))
    assert _told(vault, "plan") == (0, [])
    assert shop.sql("select name, extra from raw_myogo.products") == [("of ***", '{"merchantId":"***"}')]
    keys = [ours.client_secret, *vault.mirror.tokens[:1]]
    for key in [*keys, ours.centra_token, ours.secret_token, *vault.mirror.tokens[1:2]] if TORTURE else keys:
        rows[0]["name"] = f"of {key}"
        assert _told(vault, "plan") == (5, [])
    assert vault.watch.in_files(shop.data) == []


def test_a_short_number_in_a_product_is_no_secret(vault_of: Callable[..., Vault]) -> None:
    """A merchant's number of six digits may be part of an EAN: a row is not stopped or changed for it."""

    vault = vault_of(replace(PLAIN, merchant_id="345678"), size(1, ean="7312345678906"))
    assert _told(vault, "push")[0] == 0
    (product,) = vault.shop.box.myogo_products()
    assert product["eanCode"] == "7312345678906"
