"""`export`: a DuckDB file for older clients, an Excel workbook; both without personal data."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest

from pipelines.reports import xlsx_lists
from schemas.fields.centra_orders import PERSONAL
from tests.end_to_end.test_orders import PERSON, order, shop_with_orders
from tests.support.declared import VIEWS
from tests.support.shop import Shop, euro, size

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STORAGE_OF_1_0 = 64  # the version in the header of a file; DuckDB 2.0 writes another one by itself


def export(shop: Shop, *words: str) -> Any:
    return shop.command("export", str(shop.file), "--data", str(shop.data), *words)


def sheets(path: Path) -> dict[str, list[list[str | Decimal | bool | None]]]:
    """The rows of each sheet: texts as texts, numbers as decimals. A formula fails."""
    with zipfile.ZipFile(path) as book:
        listed = ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{SHEET}sheet")
        names = {sheet.attrib[RELATION]: sheet.attrib["name"] for sheet in listed}
        links = ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
        files = {link.attrib["Id"]: f"xl/{link.attrib['Target']}" for link in links}
        return {name: _rows(book.read(files[link])) for link, name in names.items()}


def _rows(xml: bytes) -> list[list[str | Decimal | bool | None]]:
    rows = []
    for row in ElementTree.fromstring(xml).iter(f"{SHEET}row"):
        cells: dict[int, str | Decimal | bool | None] = {}
        for cell in row.iter(f"{SHEET}c"):
            assert cell.find(f"{SHEET}f") is None, "a formula"
            column = 0
            for letter in re.match("[A-Z]+", cell.attrib["r"])[0]:
                column = column * 26 + ord(letter) - 64
            text = "".join(part.text or "" for part in cell.iter() if part.tag in (f"{SHEET}t", f"{SHEET}v"))
            kind = cell.attrib.get("t")
            cells[column] = text if kind == "inlineStr" else text == "1" if kind == "b" else Decimal(text)
        rows.append([cells.get(number) for number in range(1, max(cells, default=0) + 1)])
    return rows


def table(rows: list[list[Any]]) -> list[dict[str, Any]]:
    """The rows of a sheet by the names in its first row."""
    return [dict(zip(rows[0], row + [None] * len(rows[0]), strict=False)) for row in rows[1:]]


def test_the_duckdb_file_is_one_for_older_clients_and_has_every_view(shop_of: Callable[..., Shop]) -> None:
    """Its header says so. A second export replaces the first."""
    shop = shop_of(size(1), size(2, prices=[]))
    shop.run("push")
    file = shop.folder / "out" / "shop.duckdb"
    for _ in range(2):
        assert export(shop, "--duckdb", str(file)).stdout == f"Written: {file}\n"
    header = file.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == STORAGE_OF_1_0
    assert [path.name for path in file.parent.iterdir()] == ["shop.duckdb"]
    with duckdb.connect(str(file), read_only=True) as db:
        for view in VIEWS:
            rows = db.execute(f"select count(*) from {view.name}").fetchall()
            assert rows == shop.sql(f"select count(*) from {view.name}"), view.name
        assert db.execute("select code, sales_price from out_myogo.products").fetchall() == [("SKU1", Decimal(10))]
        uncommented = "select table_name, column_name from duckdb_columns() where comment is null and not internal"
        assert db.execute(uncommented).fetchall() == []
        assert (
            db.execute("select table_name from duckdb_tables() where table_name like '\\_dlt%' escape '\\'").df().empty
        )


def test_no_export_has_personal_data(shop_of: Callable[..., Shop], tmp_path: Path) -> None:
    """Not even in blocks that no table uses; the columns themselves are left out."""
    shop = shop_with_orders(shop_of)
    order(shop)
    assert shop.run("plan").exit_code == 0
    assert shop.sql("select count(*) from raw_centra.shipments where name is not null") == [(1,)]
    file, book = tmp_path / "out" / "shop.duckdb", tmp_path / "out" / "shop.xlsx"
    assert export(shop, "--duckdb", str(file), "--xlsx", str(book)).exit_code == 0
    with duckdb.connect(str(file), read_only=True) as db:
        columns = {name for name, *_ in db.execute("describe raw_centra.shipments").fetchall()}
        assert db.execute("select shipment_id, total from raw_centra.shipments").fetchall() != []
    assert columns.isdisjoint(PERSONAL)
    with zipfile.ZipFile(book) as parts:
        contents = b"".join(parts.read(name) for name in parts.namelist())
    for person in PERSON:
        assert person.encode() not in file.read_bytes()
        assert person.encode() not in contents


def test_text_in_the_workbook_stays_text_and_amounts_are_numbers(shop_of: Callable[..., Shop]) -> None:
    codes = ["00123", "=SUM(1)", "1E5", "http://shop.example", "_x0041_", "+1", "ÅÄÖ-ø"]
    shop = shop_of(*(size(n, sku=code, name=f"={code}") for n, code in enumerate(codes, start=1)))
    shop.run("push")
    book = shop.folder / "shop.xlsx"
    assert export(shop, "--xlsx", str(book)).exit_code == 0
    read = sheets(book)
    products = table(read["products"])
    assert {row["code"].replace("_x005F_", "_") for row in products} == set(codes)
    assert {row["name"].replace("_x005F_", "_") for row in products} == {f"={code}" for code in codes}
    assert {(row["eur_price"], row["centra_available"], row["active"]) for row in products} == {(10, 4, True)}
    assert "withheld" in {row["list"] for row in table(read["contents"])}
    (withheld,) = table(read["withheld"])
    assert (withheld["rule"], withheld["code"]) == ("SKU-003", "http://shop.example")
    assert isinstance(withheld["since"], Decimal)  # a day and time


def test_the_contents_name_every_list_and_its_rows(shop_of: Callable[..., Shop]) -> None:
    """A list without rows has no sheet."""
    shop = shop_of(size(1), size(2, prices=[]))
    shop.run("push")
    book = shop.folder / "shop.xlsx"
    export(shop, "--xlsx", str(book))
    read = sheets(book)
    listed = {row["list"]: (row["rows"], row["sheet"]) for row in table(read["contents"]) if row["rows"] is not None}
    assert listed["products"] == (2, "products")
    assert listed["changes"] == (1, "changes")
    assert listed["closed"] == (0, "")
    assert {title for _, title in listed.values() if title} | {"contents"} == set(read)
    assert any("Channel demo, push" in str(row[0]) for row in read["contents"] if row)


def test_a_list_longer_than_a_sheet_goes_on_in_another(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a text longer than a cell is cut, which it says."""
    monkeypatch.setattr(xlsx_lists, "MAX_ROWS", 2)
    monkeypatch.setattr(xlsx_lists, "MAX_TEXT", 20)
    shop = shop_of(*(size(n, name="Parka " * 10) for n in range(1, 6)))
    shop.run("plan")
    book = shop.folder / "shop.xlsx"
    export(shop, "--xlsx", str(book))
    read = sheets(book)
    parts = ["products", "products 2", "products 3"]
    assert [row["code"] for part in parts for row in table(read[part])] == [f"SKU{n}" for n in range(1, 6)]
    assert table(read["products"])[0]["name"] == "Parka Parka  … (cut)"


def test_numbers_that_a_spreadsheet_cannot_hold_are_text() -> None:
    exact = (0, -5, 10**14, Decimal("149.90"), Decimal("12345678901.2345"), 0.5, Decimal("1.0000000000000000"))
    assert all(map(xlsx_lists._is_exact, exact))
    assert not any(map(xlsx_lists._is_exact, (10**15, Decimal("12345678901234.5678"), float("nan"), Decimal("NaN"))))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "export does not know what to write."),
        (("--duckdb", "{data}/demo/analytics.duckdb"), "is in the data folder of the channel"),
        (("--xlsx", "{data}/demo/work.duckdb"), "is in the data folder of the channel"),
        (("--duckdb", "{folder}"), "is a folder"),
        (("--xlsx", "{folder}/plain/x.xlsx"), "cannot be written"),
        (("--duckdb", "{folder}/plain/x.duckdb"), "cannot be written"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_place_that_does_not_do_is_refused(
    shop_of: Callable[..., Shop], words: tuple[str, ...], message: str
) -> None:
    """With exit 2, and nothing is written or replaced."""
    shop = shop_of(size(1))
    shop.run("plan")
    (shop.folder / "plain").write_text("a file")
    before = (shop.data / "demo" / "work.duckdb").read_bytes()
    result = export(shop, *(word.format(data=shop.data, folder=shop.folder) for word in words))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert (shop.data / "demo" / "work.duckdb").read_bytes() == before
    assert shop.sql("select count(*) from sync.runs") == [(1,)]


def test_an_export_before_the_first_run_says_what_to_do(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1))
    for words in (("--duckdb", "x.duckdb"), ("--xlsx", "x.xlsx")):
        result = export(shop, *words)
        assert result.exit_code == 2
        assert "Run plan or push" in result.stderr


def test_prices_of_the_workbook_have_their_decimals(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1, prices=[euro("149.95")]))
    shop.run("plan")
    export(shop, "--xlsx", str(shop.folder / "x.xlsx"))
    assert table(sheets(shop.folder / "x.xlsx")["products"])[0]["eur_price"] == Decimal("149.95")
