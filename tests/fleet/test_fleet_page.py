"""The page of all channels of all machines, `/fleet`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.fleet.test_leases import give_back, take
from tests.support.served import served_pages, text_of
from tests.support.shop import Shop, size
from tests.support.waiting import LONG_S
from tests.web.test_serve_browser import CHROMIUM, FLAGS, serious

pytest.importorskip("psycopg2", reason="needs the packages of centra-myogo[fleet]")


@pytest.fixture
def project(shop_of: Callable[..., Shop], tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the channel mine. In the data warehouse are good and poor, which found a size without a price;
    mine is not. In the database of `[state]`, mine and theirs have leases."""
    shop = shop_of(size(1), size(2, prices=[]))
    (tmp_path / "channels").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "database").write_text(database)
    for name, more in (("good", '\n[flows.products.select]\nexclude = ["SKU2"]\n'), ("poor", "")):
        file = tmp_path / f"{name}.toml"
        file.write_text(shop.text.replace('name = "demo"', f'name = "{name}"') + more, "utf-8")
        shop.command("push", str(file), "--data", str(shop.data))
        assert shop.command("export", str(file), "--data", str(shop.data), "--to", database).exit_code == 0
    state = f'\n[state]\ndatabase = {{ file = "{tmp_path}/database" }}\nsnapshots = "file://{tmp_path}/store"\n'
    text = shop.text.replace('name = "demo"', 'name = "mine"') + state
    (tmp_path / "channels" / "mine.toml").write_text(text, "utf-8")
    take(database, "mine", "push, process 7 on worker-1")
    give_back(database, "theirs", take(database, "theirs", "push, process 8 on worker-2"))
    monkeypatch.setenv("CENTRA_MYOGO_WAREHOUSE", database)
    return tmp_path


def test_the_page_has_every_channel_those_that_need_somebody_first(project: Path, database: str) -> None:
    with served_pages(project, project / "data") as visitor:
        assert "/fleet" in visitor.get("/")
        page = visitor.get("/fleet")
    text = text_of(page)
    rows = ["poor needs attention", "mine not exported never push, process 7 on worker-1 has it until",
            "theirs not exported never free; last push, process 8 on worker-2", "good good"]  # fmt: skip
    assert [text.index(row) for row in rows] == sorted(text.index(row) for row in rows)
    assert "poor needs attention 0 min ago push, attention, 0 min ago 1 (1 new) 0 min ago" in text
    assert page.count("<th") - page.count("<thead") == page.count("scope="), "each heading says of what it is"
    assert '<a href="/channels/mine/">' in page
    assert '<a href="/channels/poor/">' not in page, "there is no such page here"


def test_a_channel_whose_file_is_wrong_has_no_link(project: Path) -> None:
    (project / "channels" / "good.toml").write_text("name = ", "utf-8")
    with served_pages(project, project / "data") as visitor:
        page = visitor.get("/fleet")
    assert "good good" in text_of(page)
    assert '<a href="/channels/good/">' not in page


def test_without_a_data_warehouse_there_is_no_such_page(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CENTRA_MYOGO_WAREHOUSE")
    with served_pages(project, project / "data") as visitor:
        assert "/fleet" not in visitor.get("/")
        assert "CENTRA_MYOGO_WAREHOUSE is not set" in text_of(visitor.get("/fleet", 404))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        pytest.param("postgresql://nobody:secret-word@127.0.0.1:1/none", "The data warehouse (", id="away"),
        pytest.param("mysql://nobody:secret-word@127.0.0.1/none", "postgresql://", id="of another kind"),
    ],
)
def test_a_data_warehouse_that_does_not_answer_hides_no_lease(
    project: Path, monkeypatch: pytest.MonkeyPatch, address: str, message: str
) -> None:
    monkeypatch.setenv("CENTRA_MYOGO_WAREHOUSE", address)
    with served_pages(project, project / "data") as visitor:
        page = visitor.get("/fleet")
    assert message in text_of(page)
    assert "process 7 on worker-1" in text_of(page)
    assert "secret-word" not in page


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_fits_a_desk_and_a_phone(project: Path, tmp_path: Path) -> None:
    with served_pages(project, project / "data") as visitor, sync_playwright() as tool:
        page = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS).new_page(bypass_csp=True)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(visitor.address, timeout=LONG_S * 1000)
            page.get_by_role("link", name="All machines").click()
            assert page.get_by_text("process 7 on worker-1").is_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert serious(page) == []
            page.screenshot(path=tmp_path / f"fleet-{width}.png", full_page=True)
