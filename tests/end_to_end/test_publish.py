"""`publish` of a channel file: a copy without personal data that a group may read."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from schemas.fields.centra_orders import PERSONAL
from tests.end_to_end.test_orders import PERSON, order, shop_with_orders
from tests.support.shop import Shop, size

GROUP = grp.getgrgid(os.getegid()).gr_name


def publishing(shop: Shop, path: object, group: str = GROUP) -> Shop:
    shop.text = f'publish = {{ path = "{path}", group = "{group}" }}\n' + shop.text
    shop.file.write_text(shop.text, "utf-8")
    return shop


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that the group may enter."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o750)
    return folder


def test_each_run_replaces_the_copy_in_one_step(shop_of: Callable[..., Shop], place: Path) -> None:
    """Who has the old one open keeps it. Nobody but the owner may write, and others may not read."""
    file = place / "shop.duckdb"
    shop = publishing(shop_of(size(1)), file)
    assert shop.run("plan").exit_code == 0
    status = file.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o640, os.getegid())
    with file.open("rb") as held:
        before = held.read()
        assert shop.run("push").exit_code == 0
        held.seek(0)
        assert held.read() == before
    with duckdb.connect(str(file), read_only=True) as db:
        assert db.execute("select count(*) from sync.runs").fetchall() == [(2,)]
        assert db.execute("select eur_price from v_products").fetchall() != []
    assert [path.name for path in place.iterdir()] == ["shop.duckdb"]
    assert "analytics.shared" not in {path.name for path in (shop.data / "demo").iterdir()}


def test_the_copy_has_no_personal_data(shop_of: Callable[..., Shop], place: Path) -> None:
    shop = publishing(shop_with_orders(shop_of), place / "shop.duckdb")
    order(shop)
    shop.run("plan")
    assert shop.sql("select count(*) from raw_centra.shipments where name is not null") == [(1,)]
    contents = (place / "shop.duckdb").read_bytes()
    assert not any(person.encode() in contents for person in PERSON)
    with duckdb.connect(str(place / "shop.duckdb"), read_only=True) as db:
        columns = {name for name, *_ in db.execute("describe raw_centra.shipments").fetchall()}
    assert columns.isdisjoint(PERSONAL)


def test_a_relative_path_counts_from_the_channel_file(shop_of: Callable[..., Shop], place: Path) -> None:
    shop = publishing(shop_of(size(1)), "shared/shop.duckdb")
    assert shop.run("plan").exit_code == 0
    assert (place / "shop.duckdb").is_file()


def test_check_says_where_the_copy_goes(shop_of: Callable[..., Shop], place: Path) -> None:
    shop = publishing(shop_of(size(1)), place / "shop.duckdb")
    (check,) = [one for one in shop.json("check")["checks"] if one["name"] == "publish"]
    assert (check["status"], f"{place / 'shop.duckdb'} for the group {GROUP}" in check["message"]) == ("ok", True)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "group", "message", "fix"),
    [
        ("{place}/missing/shop.duckdb", GROUP, "there is no folder {place}/missing", "mkdir -p {place}/missing"),
        ("{place}", GROUP, "publish.path is the folder {place}", "Name a file in it"),
        ("{place}/shop.duckdb", "no-such-group", "this machine has no such group", "groupadd no-such-group"),
        ("{place}/closed/shop.duckdb", GROUP, f"the group {GROUP} may not enter {{place}}/closed", "chmod 750"),
        ("{data}/demo/shared.duckdb", GROUP, "in the data folder of the channel", "another folder"),
    ],
    ids=["no folder", "a folder", "no group", "closed to the group", "in the data folder"],
)
def test_what_is_wrong_is_said_before_anything_is_read(
    shop_of: Callable[..., Shop], place: Path, path: str, group: str, message: str, fix: str
) -> None:
    """By a run and by `check`, with exit 2."""
    shop = shop_of(size(1))
    (place / "closed").mkdir(mode=0o700)
    values = {"place": place, "data": shop.data}
    publishing(shop, path.format(**values), group)
    result = shop.command("plan", str(shop.file), "--data", str(shop.data))
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert message.format(**values) in said
    assert fix.format(**values) in said
    assert shop.box.requests() == []
    if "data" not in path:
        failed = [one["message"] for one in shop.json("check")["checks"] if one["status"] == "failed"]
        assert any(message.format(**values) in one for one in failed)


def test_a_link_in_the_place_of_the_copy_is_replaced_not_followed(shop_of: Callable[..., Shop], place: Path) -> None:
    """Nor one in the place of the file that becomes the copy."""
    shop = publishing(shop_of(size(1)), place / "shop.duckdb")
    mine = place.parent / "mine"
    mine.write_text("kept")
    (place / "shop.duckdb").symlink_to(mine)
    (place / ".shop.duckdb.new").symlink_to(mine)
    assert shop.run("plan").exit_code == 0
    assert mine.read_text() == "kept"
    assert not (place / "shop.duckdb").is_symlink()


def test_a_copy_that_cannot_be_written_does_not_hide_the_run(
    shop_of: Callable[..., Shop], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The push is recorded; the run says that the copy is old, with exit 2. The old copy stays."""
    shop = publishing(shop_of(size(1)), place / "shop.duckdb")
    shop.run("plan")
    before = (place / "shop.duckdb").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.state.group_copy.os.fchown", full)
    result = shop.run("push")
    assert result.exit_code == 2
    assert "No space left on device" in result.message
    assert shop.sql("select applied from v_latest_run") == [(1,)]
    assert (place / "shop.duckdb").read_bytes() == before
    assert [path.name for path in place.iterdir()] == ["shop.duckdb"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('{ path = "x.duckdb" }', "missing key publish.group"),
        ('{ path = "x.duckdb", group = "a", mode = 1 }', "publish.mode"),
        ('{ path = "x.duckdb", group = "a b" }', "publish.group"),
        ('"x.duckdb"', "publish"),
    ],
)
def test_a_wrong_table_names_the_key(shop_of: Callable[..., Shop], table: str, message: str) -> None:
    shop = shop_of(size(1))
    shop.file.write_text(f"publish = {table}\n{shop.text}", "utf-8")
    result = shop.command("plan", str(shop.file), "--data", str(shop.data))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
