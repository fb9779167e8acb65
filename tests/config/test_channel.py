"""Channel files: the message for each mistake that an operator can make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.config.channel import Channel
from pipelines.config.load import load
from pipelines.config.product_links import link
from pipelines.config.project import CHANNELS_VARIABLE, Project
from pipelines.core.errors import ConfigError
from pipelines.core.reference import import_string
from pipelines.core.url import is_loopback
from tests.support.shop import Shop

GOOD = """\
name = "se-web"

[systems.centra]
base_url            = "https://shop.centra.test/api/order-api"
token               = { env = "CENTRA_TOKEN" }
timezone            = "Europe/Stockholm"
page_size           = 100
requests_per_second = 2.0

[systems.myogo]
base_url            = "https://api.ogoship.com"
token_url           = "https://my.ogoship.com/OAuth/Token"
client_id           = { env = "MYOGO_CLIENT_ID" }
client_secret       = { env = "MYOGO_CLIENT_SECRET" }
merchant_id         = { env = "MYOGO_MERCHANT_ID" }
secret_token        = { env = "MYOGO_SECRET_TOKEN" }
requests_per_second = 2.0

[flows.products.params]
currency         = "EUR"
pricelist_id     = "36"
language         = "en"
include_inactive = false
allow_zero_price = false

[flows.products.select]
include = ["*"]
exclude = []

[flows.products.limits]
min_rows         = 1
max_creates      = 5000
max_updates      = 2000
max_update_share = 0.30
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(("old", "new"), ...)`: writes the valid channel file with these replacements."""

    def make(*changes: tuple[str, str]) -> Path:
        text = GOOD
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file = tmp_path / "se-web.toml"
        file.write_text(text, "utf-8")
        return file

    return make


def messages_of(file: Path) -> list[str]:
    """The error message line by line: at most one screen, each line names the file, and the error has a fix."""
    with pytest.raises(ConfigError) as caught:
        load(str(file))
    lines = caught.value.message.splitlines()
    assert 0 < len(lines) < 20
    assert max(map(len, lines)) < 300 + len(str(file))
    assert all(line.startswith(str(file)) for line in lines)
    assert caught.value.fix
    assert caught.value.exit_code == 2
    return [line.removeprefix(str(file)).removeprefix(": ").strip() for line in lines]


def test_the_documented_channel_file_loads(write: Write) -> None:
    """Each documented key has its documented meaning."""
    channel = load(str(write()))
    centra: Any = channel.systems["centra"]
    assert (channel.name, centra.timezone) == ("se-web", "Europe/Stockholm")
    flow = channel.flows["products"]
    assert (flow.source, flow.target_system) == ("centra", "myogo")
    assert channel.flow_limits("products").max_update_share == 0.30
    params = channel.flow_params("products")
    assert (params.currency, params.pricelist_id, params.include_inactive) == ("EUR", "36", False)


def test_a_short_file_gets_the_documented_defaults(write: Write) -> None:
    text = write().read_text("utf-8")
    file = write()
    file.write_text(text.split("[flows.products.params]")[0] + "[flows.products]\n", "utf-8")
    channel = load(str(file))
    limits, params = channel.flow_limits("products"), channel.flow_params("products")
    assert (limits.min_rows, limits.max_creates, limits.max_updates, limits.max_update_share) == (1, 5000, 2000, 0.3)
    assert (params.currency, params.pricelist_id, params.language) == ("EUR", None, "en")
    assert (params.include_inactive, params.allow_zero_price) == (False, False)
    assert (channel.flows["products"].select.include, channel.flows["products"].select.exclude) == (("*",), ())
    centra: Any = channel.systems["centra"]
    assert centra.timezone == "Europe/Stockholm"


@pytest.mark.parametrize(
    ("old", "new", "key", "nearest"),
    [
        pytest.param('name = "se-web"', 'name = "a"\nnmae = 1', "nmae", "name", id="top"),
        pytest.param("[systems.centra]", "[systems.centre]\n[systems.centra]", "systems.centre", "centra",
                     id="systems"),
        pytest.param("page_size ", "pagesize = 1\npage_size ", "systems.centra.pagesize", "page_size", id="centra"),
        pytest.param("token_url ", 'token_uri = ""\ntoken_url ', "systems.myogo.token_uri", "token_url", id="myogo"),
        pytest.param('{ env = "CENTRA_TOKEN" }', '{ evn = "CENTRA_TOKEN" }', "systems.centra.token.evn", "env",
                     id="secret"),
        pytest.param("[flows.products.params]", '[flows.products]\nextrct = "a"\n[flows.products.params]',
                     "flows.products.extrct", "extract", id="flow"),
        pytest.param("currency ", 'curency = "EUR"\ncurrency ', "flows.products.params.curency", "currency",
                     id="params"),
        pytest.param("exclude ", 'exlude = []\nexclude ', "flows.products.select.exlude", "exclude", id="select"),
        pytest.param("min_rows ", "min_row = 1\nmin_rows ", "flows.products.limits.min_row", "min_rows", id="limits"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_reported_with_the_nearest_known_key(
    write: Write, old: str, new: str, key: str, nearest: str
) -> None:
    """The message is the only one and names the key."""
    assert messages_of(write((old, new))) == [f"unknown key {key}; did you mean {nearest}?"]


@pytest.mark.parametrize(
    ("flow", "table", "line"),
    [
        ("orders", "select", 'include = ["A*"]'),
        ("stock", "select", 'exclude = ["A*"]'),
        ("stock", "expectations", 'stop = ["GX-CPR-001"]'),
        ("tracking", "expectations", "enabled = false"),
    ],
)
def test_a_table_that_the_flow_does_not_use_is_reported(write: Write, flow: str, table: str, line: str) -> None:
    file = write()
    params = {"orders": "starting = 2026-01-01\nstatus = \"New\"\ntest = false\nshipping = { a = \"B\" }",
              "tracking": "starting = 2026-01-01", "stock": ""}[flow]  # fmt: skip
    file.write_text(f"{GOOD}\n[flows.{flow}.params]\n{params}\n[flows.{flow}.{table}]\n{line}\n")
    assert messages_of(file) == [f"flows.{flow}.{table}: the flow {flow} does not use it; remove it"]


def test_expectations_that_stop_a_push_cannot_be_turned_off(write: Write) -> None:
    file = write()
    file.write_text(f'{GOOD}\n[flows.products.expectations]\nenabled = false\nstop = ["GX-CPR-001"]\n')
    (message,) = messages_of(file)
    assert message.startswith("flows.products.expectations: stop names expectations, but enabled = false")


LISTEN = """
[listen]
centra_secret = { env = "CENTRA_WEBHOOK_SECRET" }
myogo_key     = { file = "hook.key" }
"""


def test_listening_is_off_by_default_and_local_by_default(write: Write) -> None:
    """With a [listen] table it binds to this machine and does not poll; a secret file is next to the channel file."""
    file = write()
    assert load(str(file)).listen is None
    file.write_text(GOOD + LISTEN)
    listen = load(str(file)).listen
    assert listen is not None
    assert (listen.host, listen.port, listen.is_local_only) == ("127.0.0.1", 8625, True)
    assert (listen.settle_s, listen.longest_s, listen.tolerance_s, listen.poll_minutes) == (5, 60, 300, None)
    secrets: Any = [listen.secret("centra_secret"), listen.secret("myogo_key")]
    assert (secrets[0].env, secrets[1].file) == ("CENTRA_WEBHOOK_SECRET", file.parent / "hook.key")


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("10.1.2.3", False), ("shop.centra.test", False), ("localhost.example", False)],
)  # fmt: skip
def test_a_host_is_recognised_as_local_or_reachable_from_outside(write: Write, host: str, local: bool) -> None:
    file = write()
    file.write_text(f'{GOOD}{LISTEN}host = "{host}"\n')
    listen = load(str(file)).listen
    assert listen is not None
    assert listen.is_local_only is local


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("prot = 1", "unknown key listen.prot; did you mean port?"),
        ("myogo_secret = 1", "unknown key listen.myogo_secret; did you mean myogo_key?"),
        ('host = "0.0.0.0:80/x"', "listen.host: must be an address or a name of this machine, such as 127.0.0.1, "
         "without a port"),
        ('host = ""', "listen.host: must be an address or a name of this machine, such as 127.0.0.1, without a port"),
        ("port = 65536", "listen.port: must be at most 65535"),
        ("settle_s = -1", "listen.settle_s: must be at least 0"),
        ("settle_s = nan", "listen.settle_s: must be a number that is not infinite"),
        ("settle_s = 61", "listen: longest_s = 60 is less than settle_s = 61"),
        ("tolerance_s = 0", "listen.tolerance_s: must be more than 0"),
        ("poll_minutes = 0", "listen.poll_minutes: must be more than 0"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_mistake_in_the_listen_table_is_explained(write: Write, line: str, expected: str) -> None:
    file = write()
    file.write_text(f"{GOOD}{LISTEN}{line}\n")
    assert messages_of(file) == [expected]


LINKS = """
[links]
centra = "https://shop.example/product/{product_id}?variant={variant_id}"
myogo  = "https://my.example/products#{code}"
"""


def test_links_are_patterns_by_system(write: Write) -> None:
    file = write()
    assert load(str(file)).links == {}
    file.write_text(GOOD + LINKS)
    links = load(str(file)).links
    assert link(links["myogo"], {"code": "A/B ?ä"}) == "https://my.example/products#A%2FB%20%3F%C3%A4"
    values = {"product_id": "1", "variant_id": "2"}
    assert link(links["centra"], values) == "https://shop.example/product/1?variant=2"
    assert link(links["centra"], values | {"variant_id": None}) is None


NOT_FULL = "must be a full address that starts with https://, with placeholders only after the host"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('centre = "https://a.example/{code}"', "unknown key links.centre; did you mean centra?"),
        ("myogo = 1", "links.myogo: must be text in quotes"),
        ('myogo = "http://127.0.0.1/{code}"', f"links.myogo: {NOT_FULL}"),
        ('myogo = "javascript:alert({code})"', f"links.myogo: {NOT_FULL}"),
        ('myogo = "https://{code}.example/"', f"links.myogo: {NOT_FULL}"),
        ('myogo = "https://me:pw@a.example/{code}"', f"links.myogo: {NOT_FULL}"),
        ('myogo = "https://a.example/{cod}"', "links.myogo: {cod} is not a placeholder; did you mean code?"),
        ('myogo = "https://a.example/{code!r}"', "links.myogo: {code!r} is not a placeholder; did you mean code?"),
        ('myogo = "https://a.example/{}"', "links.myogo: {} is not a placeholder; known: code, product_id, variant_id"),
        ('myogo = "https://a.example/{code"', "links.myogo: has a brace without its other half; write a placeholder "
         "like {code}"),
        ('myogo = "https://a.example/"', "links.myogo: has no placeholder such as {code}, so every product would open "
         "the same page"),
        ('myogo = "https://a.example/ {code}"', "links.myogo: must not contain a blank, a backslash or an invisible "
         "character"),
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_a_mistake_in_a_link_is_explained(write: Write, line: str, expected: str) -> None:
    file = write()
    file.write_text(f"{GOOD}\n[links]\n{line}\n")
    assert messages_of(file) == [expected]


def test_links_must_be_a_table(write: Write) -> None:
    file = write()
    file.write_text(f"links = 1\n{GOOD}")
    assert messages_of(file) == ["links: must be a table"]


def test_a_mistake_in_a_listen_secret_is_explained(write: Write) -> None:
    file = write()
    file.write_text(GOOD + LISTEN.replace("env", "evn"))
    assert messages_of(file)[0] == "unknown key listen.centra_secret.evn; did you mean env?"
    file.write_text(f"listen = 1\n{GOOD}")
    assert messages_of(file) == ["listen: must be a table"]


def test_an_unknown_key_without_a_near_match_lists_the_known_keys(write: Write) -> None:
    messages = messages_of(write(("min_rows ", "zzzz = 1\nmin_rows ")))
    assert messages == [
        "unknown key flows.products.limits.zzzz; known: max_broken_share, max_creates, max_price_jumps, "
        "max_update_share, max_updates, max_withheld_share, min_known_share, min_read_share, min_rows, "
        "price_jump_factor"
    ]


def test_the_internal_key_path_is_refused_as_unknown(write: Write) -> None:
    assert messages_of(write(('name = "se-web"', 'name = "a"\npath = "x"')))[0].startswith("unknown key path")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "se-web"\n', "", "name"),
        ('token               = { env = "CENTRA_TOKEN" }\n', "", "systems.centra.token"),
        ('base_url            = "https://api.ogoship.com"\n', "", "systems.myogo.base_url"),
        ('token_url           = "https://my.ogoship.com/OAuth/Token"\n', "", "systems.myogo.token_url"),
        ('secret_token        = { env = "MYOGO_SECRET_TOKEN" }\n', "", "systems.myogo.secret_token"),
    ],
)  # fmt: skip
def test_a_missing_key_is_named(write: Write, old: str, new: str, key: str) -> None:
    assert messages_of(write((old, new))) == [f"missing key {key}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "at least one flow", id="empty file"),
        pytest.param('name = "x"\nflows = 5', "at least one flow", id="flows is a number"),
        pytest.param("[flows]\nproducts = 5", "flows.products must be a table", id="flow is a number"),
        pytest.param('name = "x"\nsystems = 5\n[flows.products]', "systems: must be a table", id="systems is a number"),
        pytest.param("[flows.products]\nparams = 5", "flows.products.params: must be a table", id="params is a number"),
        pytest.param("[flows.product]", "flows.product is not a built-in flow; did you mean products?", id="near flow"),
        pytest.param(
            "[flows.zzz]",
            "flows.zzz is not a built-in flow; known: orders, products, stock, tracking",
            id="unknown flow",
        ),
        pytest.param("[flows.products]", "missing key systems", id="no systems"),
    ],
)
def test_a_file_of_the_wrong_structure_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(text, "utf-8")
    assert any(expected in line for line in messages_of(file))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name =", "name", "is not valid TOML"),
        ('currency         = "EUR"', "currency = EUR", "is not valid TOML"),
        ('currency         = "EUR"', 'currency = "EUR"\ncurrency = "SEK"', "is not valid TOML"),
        ("[flows.products.select]", "[flows.products.params]", "is not valid TOML"),
    ],
    ids=["no equals sign", "no quotes", "key twice", "table twice"],
)
def test_invalid_toml_is_reported_with_its_line(write: Write, old: str, new: str, expected: str) -> None:
    line = messages_of(write((old, new)))[0]
    assert expected in line
    assert "line" in line


@pytest.mark.parametrize("content", [b"\xff\xfe", b'name = "\xe5"'], ids=["utf-16", "latin-1"])
def test_a_file_that_is_not_text_is_reported_as_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.toml").write_bytes(content)
    assert "is not UTF-8 text" in messages_of(tmp_path / "a.toml")[0]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Europe/Stockholm", "Europe/Stokholm", "systems.centra.timezone: 'Europe/Stokholm' is not a time zone"),
        ("Europe/Stockholm", "", "systems.centra.timezone: '' is not a time zone"),
        ("Europe/Stockholm", "Europe", "systems.centra.timezone: 'Europe' is not a time zone"),
        ("Europe/Stockholm", "/etc/passwd", "systems.centra.timezone: '/etc/passwd' is not a time zone"),
        ("https://shop.centra.test", "http://shop.centra.test", "systems.centra.base_url: must start with https://"),
        ("https://shop.centra.test", "http://127.0.0.1.evil.test", "systems.centra.base_url: must start with https://"),
        ("https://shop.centra.test", "http://localhost.evil.test", "systems.centra.base_url: must start with https://"),
        ("https://my.ogoship.com", "http://my.ogoship.com", "systems.myogo.token_url: must start with https://"),
        ("https://shop.centra.test", "shop.centra.test", "systems.centra.base_url: must be a full web address"),
        ("https://shop.centra.test", "ftp://shop.centra.test", "systems.centra.base_url: must be a full web address"),
        ("https://shop.centra.test", "https://", "systems.centra.base_url: must be a full web address"),
        ("order-api", "order-api?x=1", "systems.centra.base_url: must not contain"),
        ("shop.centra.test", "shop.centra.test:port", "systems.centra.base_url: has a port"),
        ("shop.centra.test", "shop.centra.test:99999", "systems.centra.base_url: has a port"),
        ("https://shop.centra.test", "https://[::1", "systems.centra.base_url: Invalid IPv6 URL"),
        ('"se-web"', '"SE web"', "name: must have small letters, digits"),
        ('"se-web"', '"../up"', "name: must have small letters, digits"),
        ('"36"', "36", "flows.products.params.pricelist_id: must be text in quotes"),
        ("include_inactive = false", 'include_inactive = "maybe"', "flows.products.params.include_inactive"),
        ('["*"]', '"*"', "flows.products.select.include: must be a list in square brackets"),
        ("= 0.30", "= 1.5", "flows.products.limits.max_update_share: must be at most 1"),
        ("= 0.30", "= nan", "flows.products.limits.max_update_share"),
        ("min_rows         = 1", "min_rows = -1", "flows.products.limits.min_rows"),
        ("page_size           = 100", "page_size = 0", "systems.centra.page_size"),
    ],
)
def test_an_invalid_value_is_reported_with_its_key(write: Write, old: str, new: str, expected: str) -> None:
    """The message says what would be valid."""
    assert any(line.startswith(expected) for line in messages_of(write((old, new))))


def test_all_mistakes_are_reported_at_once(write: Write) -> None:
    messages = messages_of(write(('name = "se-web"\n', ""), ("page_size ", "pagesize "), ("Europe/", "Eurpoe/")))
    assert len(messages) == 3


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:80/x", True), ("http://127.9.8.7", True), ("http://localhost:8620", True),
        ("http://LOCALHOST", True), ("http://[::1]:5", True), ("http://10.0.0.1", False), ("http://0.0.0.0", False),
        ("http://127.0.0.1.evil.test", False), ("http://evil.test/127.0.0.1", False),
        ("http://evil.test#localhost", False), ("http://localhost@evil.test", False), ("", False),
    ],
)  # fmt: skip
def test_loopback_addresses_are_recognised(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_plain_http_to_this_machine_is_accepted(write: Write) -> None:
    """A trailing slash is removed."""
    file = write(("https://shop.centra.test/api/order-api", "http://127.0.0.1:8620/api/order-api/"))
    assert load(str(file)).systems["centra"].base_url == "http://127.0.0.1:8620/api/order-api"


@pytest.mark.parametrize(
    "inline",
    [
        '"hunter2-hunter2"',
        '["hunter2-hunter2"]',
        '{ value = "hunter2-hunter2" }',
        '{ env = "hunter2-hunter2" }',
        '{ env = "hunter2-hunter2", file = "x" }',
        '{ env = ["hunter2-hunter2"] }',
    ],
)
def test_a_secret_written_inline_is_refused_and_not_printed(write: Write, inline: str) -> None:
    messages = messages_of(write(('{ env = "CENTRA_TOKEN" }', inline)))
    assert all(line.startswith(("systems.centra.token", "unknown key systems.centra.token")) for line in messages)
    assert "hunter2" not in "".join(messages)


@pytest.mark.parametrize("inline", ["", 'env = "A", file = "B"'], ids=["neither", "both"])
def test_a_secret_needs_exactly_one_source(write: Write, inline: str) -> None:
    messages = messages_of(write(('{ env = "CENTRA_TOKEN" }', "{ " + inline + " }")))
    assert messages == ['systems.centra.token: give exactly one of { env = "NAME" } or { file = "PATH" }']


def test_a_password_in_an_address_is_refused_and_not_printed(write: Write) -> None:
    messages = messages_of(write(("https://shop.centra.test", "https://user:hunter2@shop.centra.test")))
    assert "must not contain a user name" in messages[0]
    assert "hunter2" not in "".join(messages)


def test_the_command_line_prints_only_the_config_error(shop: Shop) -> None:
    """Exit code 2, the message on stderr, no traceback, no secret."""
    shop.edit("token               = {", 'token = "hunter2-hunter2"\ntken = {')
    result = shop.command("plan", str(shop.file), "--data", str(shop.data))
    output = result.stdout + result.stderr
    assert result.exit_code == 2
    assert "systems.centra.token" in output
    assert "did you mean token?" in output.replace("\n", " ")
    assert "hunter2" not in output
    assert "Traceback" not in output
    assert len(output.splitlines()) < 24


# References to Python objects


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("nonsense", "is not a reference"),
        ("schemas.fields.myogo", "is not a reference"),
        ("schemas.fields.myogo:", "is not a reference"),
        ("os; rm:x", "is not a reference"),
        ("schemas.nowhere:PRODUCT", "cannot be imported"),
        ("schemas.fields.myogo:NOTHING", "cannot be imported"),
        ("a..b:c", "cannot be imported"),
    ],
)
def test_a_bad_reference_is_reported_with_its_key(write: Write, reference: str, expected: str) -> None:
    """Both by `import_string` and when the channel file is loaded, for each key that holds a reference."""
    with pytest.raises(ConfigError, match=expected):
        import_string(reference)
    for key in ("transform", "contract", "target"):
        line = f'[flows.products]\n{key} = "{reference}"\n[flows.products.params]'
        line = messages_of(write(("[flows.products.params]", line)))[0]
        assert line.startswith(f"flows.products.{key}: ")
        assert expected in line


@pytest.mark.parametrize("reference", ["transforms.products:selected", "os:path", "pathlib:Path"])
def test_a_reference_to_something_else_than_a_transform_is_refused(write: Write, reference: str) -> None:
    line = f'[flows.products]\ntransform = "{reference}"\n[flows.products.params]'
    assert f"{reference!r} is not a transform" in messages_of(write(("[flows.products.params]", line)))[0]


def test_a_valid_reference_is_imported() -> None:
    assert import_string("pipelines.config.channel:Channel") is Channel


# Where channel files are found


def test_a_name_is_looked_up_in_the_user_folder(write: Write, tmp_path: Path, monkeypatch: Any) -> None:
    write()
    monkeypatch.setenv(CHANNELS_VARIABLE, str(tmp_path))
    assert load("se-web").path == tmp_path / "se-web.toml"


def test_the_user_folder_takes_precedence_over_the_built_in_channels(
    write: Write, tmp_path: Path, monkeypatch: Any
) -> None:
    write(('"se-web"', '"demo"')).rename(tmp_path / "demo.toml")
    assert load("demo").path.parent != tmp_path
    monkeypatch.setenv(CHANNELS_VARIABLE, str(tmp_path))
    assert load("demo").path == tmp_path / "demo.toml"


def test_an_unknown_name_is_reported_with_the_searched_folders(write: Write, tmp_path: Path, monkeypatch: Any) -> None:
    write()
    monkeypatch.setenv(CHANNELS_VARIABLE, str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load("se-wep")
    assert str(tmp_path) in caught.value.message
    assert "did you mean se-web?" in caught.value.message
    assert CHANNELS_VARIABLE in caught.value.fix


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all"], ids=["empty", "no such folder"])
def test_an_empty_or_missing_user_folder_is_ignored(folder: str, monkeypatch: Any) -> None:
    monkeypatch.setenv(CHANNELS_VARIABLE, folder)
    assert load("demo").name == "demo"


@pytest.mark.parametrize("name", ["nowhere.toml", "some/folder", ".toml", ""], ids=["file", "path", "dot", "empty"])
def test_a_path_without_a_file_is_reported(name: str) -> None:
    with pytest.raises(ConfigError, match="There is no channel"):
        load(name)


def test_a_folder_is_not_a_channel_file(tmp_path: Path) -> None:
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(ConfigError, match="There is no channel file"):
        load(str(tmp_path / "x.toml"))


def test_the_data_folder_comes_from_the_option_then_the_environment_then_the_project(
    monkeypatch: Any, tmp_path: Path
) -> None:
    project = Project.current()
    assert project.data() == Path("data")
    assert Project(tmp_path / "elsewhere").data() == tmp_path / "elsewhere" / "data"
    monkeypatch.setenv("CENTRA_MYOGO_DATA", "/somewhere")
    assert project.data() == Path("/somewhere")
    assert project.data(Path("here")) == Path("here")
    monkeypatch.setenv("CENTRA_MYOGO_DATA", "")
    assert project.data() == Path("data")


def _token(channel: Any) -> Any:
    return channel.systems["centra"].token.reveal()


def test_a_secret_file_is_relative_to_the_channel_file(write: Write, tmp_path: Path, monkeypatch: Any) -> None:
    """Not to the working directory. A trailing line break is removed."""
    file = write(('{ env = "CENTRA_TOKEN" }', '{ file = "secrets/token" }'))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/token").write_text("abc-123\n", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert _token(load(f"../{file.name}")) == "abc-123"
    assert _token(load(str(file))) == "abc-123"


def test_a_parameter_named_file_is_not_taken_for_a_secret_file(write: Write) -> None:
    file = write(('language         = "en"', 'language_by_store = { file = "sv" }'))
    assert load(str(file)).flow_params("products").language_by_store == {"file": "sv"}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("max_creates      = 5000", 'max_creates = "many"'), "max_creates: must be a whole number"),
        (("max_creates      = 5000", "max_creates = -1"), "max_creates: must be at least 0"),
        (("max_update_share = 0.30", "max_update_share = 1.5"), "max_update_share: must be at most 1"),
        (("max_update_share = 0.30", 'max_update_share = "half"'), "max_update_share: must be a number"),
        (('name = "se-web"', 'name = "se-web"\nattention = "some"'), "attention: must be 'new', 'any' or 'never'"),
    ],
)
def test_a_value_of_another_kind_is_explained_in_words(write: Write, edit: tuple[str, str], message: str) -> None:
    assert message in "".join(messages_of(write(edit)))


def test_a_secret_that_is_not_set_is_reported_with_its_key(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYOGO_SECRET_TOKEN", raising=False)
    myogo: Any = load(str(write())).systems["myogo"]
    with pytest.raises(ConfigError) as caught:
        myogo.secret_token.reveal()
    assert "systems.myogo.secret_token: the secret MYOGO_SECRET_TOKEN is not set" in caught.value.message
    assert "Write the line MYOGO_SECRET_TOKEN=... into the file .env" in caught.value.fix
