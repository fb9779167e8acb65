"""Edits of a channel file: comments and order survive, an invalid value is never written, nor over another's change."""

from __future__ import annotations

import datetime
import os
import stat
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config.channel_editor import REMOVE, ChannelEditor, FileChanged, Key
from pipelines.config.load import load, load_text
from pipelines.config.project import BUILT_IN_CHANNELS
from pipelines.core.errors import ConfigError

TEXT = """\
# The Swedish shop; ask Sofia.
name = "se-web"   # also its folder
# schedule = "every 15 min"

[systems.centra]
base_url = "https://a.example/api"  # copied from AMS
token    = { env = "TOKEN" }        # renewed in May
timezone = "Europe/Stockholm"

# myOGO, the demo merchant
[systems.myogo]
base_url = "https://api.ogoship.com"
token_url = "https://my.ogoship.com/OAuth/Token"
client_id = { env = "A" }
client_secret = { file = "secrets/b" }
merchant_id = { env = "C" }
secret_token = { env = "D" }

[flows.products.params]   # euro only
currency = 'EUR'

# Sofia wants to be asked first.
[flows.products.limits]
max_update_share = 0.30
max_creates = 5_000

[flows.products.select]
exclude = [
  "GIFT*",   # gift cards
  "OLD*",
]

[flows.orders.params]
shipping = { "DHL Home" = "HOME", standard = "HOME" }  # by method
starting = 2026-12-01

# The end.
"""


def edited(text: str, *changes: tuple[Key, Any]) -> str:
    editor = ChannelEditor(Path("se-web.toml"), text, "some")
    editor.edit(changes)
    return editor.text


def comments(text: str) -> list[str]:
    return [line[line.index("#") :] for line in text.splitlines() if "#" in line]


def test_changed_values_keep_comments_order_and_how_other_values_are_written() -> None:
    text = edited(
        TEXT,
        (("schedule",), "every 5 min"),
        (("systems", "centra", "base_url"), "https://b.example"),
        (("systems", "centra", "page_size"), 50),
        (("systems", "myogo", "client_id"), {"env": "NEW"}),
        (("flows", "products", "enabled"), False),
        (("flows", "products", "params", "pricelist_id"), "36"),
        (("flows", "products", "limits", "max_creates"), 7),
        (("flows", "products", "limits", "max_update_share"), 0.3),
        (("flows", "orders", "params", "shipping", "express"), "FAST"),
        (("flows", "orders", "params", "starting"), datetime.date(2027, 1, 2)),
        (("flows", "stock", "params", "goods_received"), True),
    )
    assert comments(text) == comments(TEXT)
    assert (
        text
        == TEXT.replace("# also its folder\n", '# also its folder\nschedule = "every 5 min"\n')
        .replace("https://a.example/api", "https://b.example")
        .replace('"Europe/Stockholm"\n', '"Europe/Stockholm"\npage_size = 50\n')
        .replace('{ env = "A" }', '{ env = "NEW" }')
        .replace("[flows.products.params]", "[flows.products]\nenabled = false\n\n[flows.products.params]")
        .replace("'EUR'\n", "'EUR'\npricelist_id = \"36\"\n")
        .replace("5_000", "7")
        .replace('standard = "HOME" }', 'standard = "HOME", express = "FAST"}')
        .replace("2026-12-01", "2027-01-02")
        + "\n[flows.stock.params]\ngoods_received = true\n"
    )


def test_a_value_that_stays_keeps_its_digits_and_quotes() -> None:
    data = tomllib.loads(TEXT)
    same = [((*table,), value) for table, value in walk(data)]
    assert edited(TEXT, *same) == TEXT


def walk(table: dict[str, Any], above: Key = ()) -> list[tuple[Key, Any]]:
    found: list[tuple[Key, Any]] = []
    for name, value in table.items():
        found += walk(value, (*above, name)) if isinstance(value, dict) else [((*above, name), value)]
    return found


def test_a_removed_key_takes_only_its_own_line() -> None:
    text = edited(TEXT, (("flows", "products", "limits", "max_creates"), REMOVE), (("schedule",), REMOVE))
    assert text == TEXT.replace("max_creates = 5_000\n", "")


def test_an_empty_table_gets_a_heading() -> None:
    assert edited(TEXT, (("flows", "stock", "params"), {})) == TEXT + "\n[flows.stock.params]\n"
    assert tomllib.loads(edited(INLINE, (("flows", "stock"), {})))["flows"]["stock"] == {}


def test_an_empty_table_goes_with_its_heading_and_leaves_the_comments_below() -> None:
    text = 'name = "x"\n\n[alerts]  # ours\n# chat\na = 1\n\n# next\n[flows.b]\nc = 2\n'
    made = ChannelEditor(Path("x.toml"), text, "digest")
    made.edit([(("alerts", "a"), REMOVE), (("alerts",), REMOVE)])
    assert made.text == 'name = "x"\n\n# chat\n\n# next\n[flows.b]\nc = 2\n'


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (["B", "C"], '[\n  "B",  # two\n  "C",\n]'),
        (["A"], '"A",  # one'),
        ([], "["),
        (["B", "A"], '"B"'),
        ([{"env": "X"}, "A"], '{ env = "X" }'),
    ],
)
def test_a_list_keeps_the_lines_of_the_values_that_stay(wanted: list[Any], shown: str) -> None:
    made = ChannelEditor(Path("x.toml"), 'a = [\n  "A",  # one\n  "B",  # two\n]\n', "digest")
    made.edit([(("a",), wanted)])
    assert made.data["a"] == wanted
    assert shown in made.text


def test_true_is_not_one_and_a_whole_number_is_not_a_float() -> None:
    text = edited("a = 1\nb = 1\n", (("a",), True), (("b",), 1.0))
    assert text == "a = true\nb = 1.0\n"


def test_crlf_stays_crlf() -> None:
    text = edited(
        TEXT.replace("\n", "\r\n"),
        (("schedule",), "off"),
        (("flows", "orders", "schedule"), "off"),
        (("flows", "stock", "params", "goods_received"), True),
    )
    assert text.count("\n") == text.count("\r\n")
    assert comments(text) == comments(TEXT)


DOTTED = """\
name = "x"
systems.centra.base_url = "https://a.example" # the address
systems.centra.token.env = "A"
flows.products.params.currency = "EUR"
"""
INLINE = """\
name = "x"
flows = { products = { params = { currency = "EUR" } } } # all in one
[systems]
centra = { base_url = "u" }
"""
CHANGES = [
    (("schedule",), "off"),
    (("systems", "centra", "base_url"), "https://b.example"),
    (("systems", "centra", "timezone"), "UTC"),
    (("systems", "centra", "token"), {"env": "B"}),
    (("flows", "products", "schedule"), "off"),
    (("flows", "products", "params", "pricelist_id"), "36"),
    (("flows", "products", "params", "currency"), REMOVE),
    (("flows", "stock", "params", "goods_received"), True),
    (("flows", "orders", "params", "shipping", 'a "quoted" method.é'), "HOME"),
]
SCATTERED = """\
[flows.products.params]
currency = "EUR" # c
[alerts]
refused = 3
[flows.stock.params]
# d
[systems.centra]
"""


@pytest.mark.parametrize("text", [DOTTED, INLINE, SCATTERED, "", "# only a comment", 'name = "x"', TEXT])
def test_however_the_file_is_written_exactly_the_named_keys_change(text: str) -> None:
    changed = edited(text, *(one for one in CHANGES if one[1] is not REMOVE))
    before, after = dict(walk(tomllib.loads(text))), dict(walk(tomllib.loads(changed)))
    for key, value in CHANGES:
        if isinstance(value, dict):
            assert after[(*key, "env")] == value["env"]
        elif value is not REMOVE:
            assert after[key] == value
    untouched = {key: value for key, value in before.items() if all(key[: len(one)] != one for one, _ in CHANGES)}
    assert untouched.items() <= after.items()
    assert set(comments(text)) <= set(comments(changed))


PIECES = [
    '[systems.centra] # one\nbase_url = "u"\n# two\n',
    "[flows.products.params]\n# three\n",
    "[alerts]\nrefused = 2\n",
    "[flows.products.limits]\nmin_rows = 1 # four\n\n",
    "[flows.orders]\n# five\n\n",
    "[listen]\n",
]


@given(st.data())
def test_any_edits_of_any_written_form_change_exactly_the_named_keys(data: st.DataObject) -> None:
    text = 'name = "x"\n\n# six\n' + "".join(data.draw(st.permutations(PIECES)))
    for key, value in data.draw(st.lists(st.sampled_from(CHANGES), max_size=6)):
        before = tomllib.loads(text)
        try:
            text = edited(text, (key, value))
        except ConfigError:  # it says that it cannot, and nothing has changed
            continue
        expected = dict(walk(before)) | ({} if value is REMOVE or isinstance(value, dict) else {key: value})
        if value is REMOVE:
            expected.pop(key, None)
        if isinstance(value, dict):
            expected[(*key, "env")] = value["env"]
        assert dict(walk(tomllib.loads(text))) == expected
        assert len(comments(text)) == 6


@pytest.mark.parametrize("text", ["flows = 3\n", "[[flows]]\na = 1\n", 'systems = "x"\nflows = []\n'])
def test_a_file_with_something_else_in_the_place_of_a_table_is_left_alone(text: str) -> None:
    editor = ChannelEditor(Path("x.toml"), text, "some")
    with pytest.raises(ConfigError, match="by hand"):
        editor.edit([(("flows", "stock", "params", "goods_received"), True)])
    assert editor.text == text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "se-web.toml"
    path.write_text(TEXT, "utf-8")
    path.chmod(0o640)
    return path


def test_saved_values_can_be_loaded_and_the_rights_stay(file: Path) -> None:
    link = file.with_name("link.toml")
    link.symlink_to(file)
    editor = ChannelEditor.read(link)
    editor.edit([(("flows", "products", "schedule"), "off")])
    editor.save()
    editor.edit([(("flows", "products", "params", "currency"), "SEK")])
    editor.save()
    channel = load(str(file))
    assert channel.flow_params("products").currency == "SEK"
    assert channel.flows["products"].schedule == "off"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert [one.name for one in file.parent.iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (("systems", "centra", "base_url"), "http://a.example", "systems.centra.base_url: must start with https://"),
        (("flows", "products", "params", "currency"), "EURO", "flows.products.params.currency"),
        (("flows", "orders", "params", "starting"), REMOVE, "missing key flows.orders.params.starting"),
        (("schedule",), "often", "schedule"),
        (("flows", "products", "limits", "max_creates"), -1, "must be at least 0"),
    ],
)
def test_an_invalid_value_is_never_written(file: Path, key: Key, value: Any, message: str) -> None:
    editor = ChannelEditor.read(file)
    editor.edit([(key, value)])
    with pytest.raises(ConfigError, match=message):
        editor.save()
    assert file.read_text("utf-8") == TEXT


def test_a_file_that_somebody_changed_meanwhile_is_not_replaced(file: Path) -> None:
    editor = ChannelEditor.read(file)
    editor.edit([(("schedule",), "off")])
    by_hand = TEXT.replace("Sofia", "Sven")
    file.write_text(by_hand, "utf-8")
    with pytest.raises(FileChanged, match="was changed while"):
        editor.save()
    assert file.read_text("utf-8") == by_hand
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        editor.save()
    assert not file.exists()


def test_of_two_who_save_at_the_same_time_one_is_refused(file: Path) -> None:
    editors = [ChannelEditor.read(file) for _ in range(8)]
    outcomes: list[str] = []

    def save(number: int) -> None:
        editors[number].edit([(("full_every",), float(number + 1))])
        try:
            editors[number].save()
            outcomes.append("saved")
        except FileChanged:
            outcomes.append("refused")

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 7 + ["saved"]


def test_a_new_file_is_short_and_never_replaces_one(tmp_path: Path) -> None:
    path = tmp_path / "channels" / "fi-web.toml"
    editor = ChannelEditor.new(path, "fi-web")
    editor.edit([(("systems", name, key), value) for name, table in tomllib.loads(TEXT)["systems"].items()
                 for key, value in table.items()] + [(("flows", "products", "params", "currency"), "EUR")])  # fmt: skip
    editor.save()
    assert load(str(path)).name == "fi-web"
    assert path.read_text("utf-8").startswith('name = "fi-web"\n\n[systems.centra]\nbase_url = ')
    again = ChannelEditor.new(path, "fi-web")
    with pytest.raises(ConfigError):
        again.save()
    again.edit([(("systems", "centra", "base_url"), "https://c.example")])
    assert "https://c.example" not in path.read_text("utf-8")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights_is_a_message(file: Path) -> None:
    editor = ChannelEditor.read(file)
    editor.edit([(("schedule",), "off")])
    file.parent.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="cannot be written"):
            editor.save()
    finally:
        file.parent.chmod(0o700)
    assert file.read_text("utf-8") == TEXT


@pytest.mark.parametrize("content", [b"\xff\xfe", b"name = "])
def test_a_file_that_is_no_toml_is_a_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"UTF-8|not valid TOML|cannot be read"):
        ChannelEditor.read(path)


def test_a_flow_that_is_not_enabled_keeps_its_table_and_is_checked_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    off = edited(TEXT, (("flows", "orders", "enabled"), False))
    channel = load_text(path, off)
    assert [*channel.flows] == [*channel.limits] == [*channel.declarations] == ["products"]
    with pytest.raises(ConfigError, match=r"missing key flows\.orders\.params\.starting"):
        load_text(path, edited(off, (("flows", "orders", "params", "starting"), REMOVE)))
    with pytest.raises(ConfigError, match="a channel needs at least one"):
        load_text(path, edited(off, (("flows", "products", "enabled"), False)))


def test_the_example_file_keeps_everything_that_the_form_does_not_know() -> None:
    example = (BUILT_IN_CHANNELS / "example.toml").read_text("utf-8")
    text = edited(example, *CHANGES)
    assert comments(text) == [one for one in comments(example)]
