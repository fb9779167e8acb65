"""The small shop that is tortured, what a good push makes of it, and what must hold after anything."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.sandbox import Sandbox
from pipelines.sandbox.channel_file import channel_file
from tests.conftest import Shop, catalogue, euro, size
from tests.line.helpers import held, oracle, pages_of, synced, system_key, writes

FIT = [
    size(1, sku="NEW-A", ean="7312345678901"),
    size(2, sku="NEW-B", prices=[euro("12.50")]),
    size(3, sku="OLD-A", prices=[euro("20.00")]),
    size(4, sku="OLD-B", name="Anorak"),
    size(5, sku="SAME"),
]
UNFIT = [size(6, sku="TWIN"), size(7, sku="TW", sizeSku="IN"), size(8, sku="FREE", prices=[])]
OURS = {"code", "name", "salesPrice", "eanCode", "supplier", "group", "countryOfOrigin", "customsDescription", "hsCode"}
MOVING = {"editTime", "stockUpdateTime"}


def start() -> Sandbox:
    """A sandbox with the story's two systems."""
    same = {"salesPrice": Decimal("10.00"), "supplier": "Acme", "group": "Jackets", "countryOfOrigin": "PT"}
    same |= {"customsDescription": "Coats", "hsCode": "62014000"}
    return Sandbox.start(
        catalogue(
            *FIT,
            *UNFIT,
            myogo=[
                {
                    "code": "OLD-A",
                    "name": "Parka Blue S",
                    "salesPrice": Decimal("19.50"),
                    "infoUrl": "https://x.test/a",
                },
                {"code": "OLD-B", "name": "Parka Blue S", "salesPrice": 10, "supplyPrice": Decimal("4.25")},
                {"code": "SAME", "name": "Parka Blue S", **same},
                {"code": "TWIN", "name": "one of them", "salesPrice": 1},
                {"code": "BOX", "name": "a box", "salesPrice": 0, "stock": 40},
            ],
        )
    )


def shop_in(box: Sandbox, folder: Path, **myogo: Any) -> Shop:
    """A fresh sandbox state and a channel in an empty folder; two pages and more of each list."""
    box.reset()
    box.clear_requests()
    shop = Shop(box, folder, channel_file(box.centra_url, box.myogo_url))
    shop.edit("backoff_s           = 0.05", "backoff_s           = 0.001")
    pages_of(shop, 4)
    for key, value in myogo.items():
        system_key(shop, "myogo", f"{key} = {value}")
    return shop


def others(shop: Shop) -> dict[str, dict[str, Any]]:
    """Per code, all that is nobody's business of ours: it must never change."""
    return {code: {k: v for k, v in row.items() if k not in OURS | MOVING} for code, row in held(shop).items()}


def healed(shop: Shop, untouched: dict[str, dict[str, Any]], *, twice: bool = False) -> tuple[int, ...]:
    """Runs the same push again, once, and asserts everything that must then be so."""
    after = shop.run("push")
    assert after.exit_code == 3, after.message  # the twins and the one without a price need a person
    right(shop, untouched)
    if twice:
        shop.box.clear_requests()
        assert shop.run("push").exit_code == 3
        assert writes(shop) == []
    return (after.exit_code,)


def right(shop: Shop, untouched: dict[str, dict[str, Any]]) -> None:
    """myOGO is as the oracle wants it, and the books say so."""
    wanted = oracle(*FIT) | {"TWIN": ("one of them", Decimal(1), None), "BOX": ("a box", Decimal(0), None)}
    assert synced(shop) == wanted
    found = others(shop)
    assert {code: found[code] for code in untouched} == untouched
    assert shop.sql("select key from sync.journal where outcome is null or ended_at < intended_at") == []
    assert shop.sql("select run_id from sync.runs where ended_at is null and outcome is distinct from 'killed'") == []
    assert (
        shop.sql(
            'select run_id from sync.runs where "read" <> skipped + withheld + "create" + "update" + unchanged '
            'and "create" is not null and "read" > 0 and exit_code in (0, 3, 4)'
        )
        == []
    )
    assert (
        shop.sql(
            'select run_id from sync.runs where verb = \'push\' and "create" + "update" '
            "<> applied + refused + unknown + not_attempted"
        )
        == []
    )
    assert not (shop.data / "demo" / "journal.jsonl").exists()
    assert sorted(code for (code,) in shop.sql("select code from out_myogo.products")) == sorted(oracle(*FIT))


Story = Callable[[], Shop]
