"""How the reports name rows without a code, and flows that have left the channel file."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.shop import Shop, product, size

STOCK = "\n[flows.stock.params]\ngoods_received = true\n"


def test_a_row_without_a_code_has_its_name_and_its_id(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1), size(2, sku="", name="Anorak"))
    assert shop.run("push").exit_code == 3
    text = shop.command("report", str(shop.file), "--data", str(shop.data)).stdout
    assert "SKU-001" in text
    assert "Anorak Blue S (size 2)" in text
    summary = shop.folder / "report.md"
    shop.command("report", str(shop.file), "--data", str(shop.data), "--markdown", str(summary))
    assert "`Anorak Blue S (size 2)`" in summary.read_text("utf-8")


def test_a_flow_that_ran_is_one_of_the_channel(shop_of: Callable[..., Shop]) -> None:
    """After the demo, the built-in file of its channel has the products flow alone."""
    shop = shop_of(size(1), size(2), myogo=[product(1, stock=3), product(2, stock=4)])
    page = shop.folder / "report.html"

    def report() -> str:
        result = shop.command("report", str(shop.file), "--data", str(shop.data), "--html", str(page))
        assert result.exit_code == 0, result.output
        return page.read_text("utf-8")

    assert shop.run("push").exit_code in (0, 3)
    assert "the channel has no flow stock" in report()
    shop.text += STOCK
    shop.file.write_text(shop.text, "utf-8")
    assert shop.run("push", flows=("stock",)).exit_code in (0, 3, 4)
    shop.edit(STOCK, "")
    assert "the channel has no flow stock" not in report()
