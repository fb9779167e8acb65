"""New channel and settings: what lands in the channel file and in the secret files, and what never does."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pipelines.config.load import load
from pipelines.config.project import Project
from pipelines.config.serve import Serve
from pipelines.sandbox import Sandbox
from pipelines.web.access import protect
from pipelines.web.app import application
from pipelines.web.project_channels import ProjectChannels
from tests.support.asgi import Answer, Browser
from tests.support.settings_form import Sent, answers, inputs, kinds, secret
from tests.support.shop import Shop, euro, size
from tests.web.pages import _USERS, Pages, log_in

SECRETS = ("centra_token", "client_id", "client_secret", "merchant_id", "secret_token")


@dataclass
class Visitor:
    """A browser for the pages of a project, in one event loop. `seen` has every answer."""

    folder: Path
    users: bool = False
    seen: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.project = Project(self.folder)
        self.project.channels.mkdir(parents=True, exist_ok=True)
        self.loop = asyncio.new_event_loop()
        self.channels = self.loop.run_until_complete(self._channels())
        settings = Serve.model_validate({"users": _USERS if self.users else {}})
        self.browser = Browser(protect(application(self.channels), settings))

    async def _channels(self) -> ProjectChannels:
        return ProjectChannels(self.project, self.folder / "data", 1)

    def get(self, path: str) -> Answer:
        return self._answer("GET", path, {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, b"")

    def send(self, path: str, sent: Sent) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
                   "Origin": f"http://{self.browser.host}"}  # fmt: skip
        return self._answer("POST", path, headers, urlencode(sent, doseq=True).encode())

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        answer = self.loop.run_until_complete(self.browser.request(method, path, headers, body))
        self.seen.append(answer)
        return answer

    def form(self, path: str, **typed: str | None) -> Sent:
        """The form of the page with these values typed into it; None unticks."""
        return with_typed(inputs(self.get(path).text), typed)

    def create(self, box: Sandbox, name: str = "se-web", **typed: str | None) -> Answer:
        return self.send("/channels/new", self.form("/channels/new", **(answers(box) | {"name": name} | typed)))

    def save(self, name: str = "se-web", **typed: str | None) -> Answer:
        path = f"/channels/{name}/settings"
        return self.send(path, self.form(path, **typed))

    def close(self) -> None:
        async def end() -> None:
            self.channels.stop()
            await self.channels.ended()

        self.loop.run_until_complete(end())
        self.loop.close()


def with_typed(sent: Sent, typed: dict[str, str | None]) -> Sent:
    return {name: values for name, values in sent.items() if typed.get(name, "") is not None} | {
        name: [value] for name, value in typed.items() if value is not None
    }


@pytest.fixture
def visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    before = dict(os.environ)
    found = Visitor(tmp_path / "project")
    yield found
    found.close()
    os.environ.clear()
    os.environ.update(before)


def no_secret_in(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    texts = [f"{one.headers} {one.cookies} {one.text}" for one in visitor.seen] + [caplog.text]
    for name in SECRETS:
        assert [text for text in texts if secret(name) in text] == [], name


def test_a_new_channel_can_be_loaded_and_its_secrets_are_in_env(
    visitor: Visitor, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = visitor.create(box, **{"schedule": "every 15 min", "flows.products.limits.max_creates": "77"})
    assert (answer.status, answer.location) == (303, "/channels/se-web/settings?saved=1"), answer.text
    file = visitor.project.channels / "se-web.toml"
    channel = load(str(file))
    assert (channel.name, str(channel.schedule), [*channel.flows]) == ("se-web", "every 15 min", ["products"])
    assert channel.flow_limits("products").max_creates == 77
    config: Any = channel.systems
    assert config["centra"].base_url == box.centra_url
    assert config["centra"].token.env == "SE_WEB_CENTRA_TOKEN"
    assert config["centra"].token.reveal() == secret("centra_token")
    env = visitor.project.folder / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert secret("client_secret") in env.read_text()
    assert secret("client_secret") not in file.read_text()
    page = visitor.get(answer.location).text
    assert "Saved." in page
    assert "Test these settings" in page
    assert kinds(page)["systems.myogo.client_secret"] == "password"
    assert page.count("is set; empty keeps it") == 5
    assert 'href="/channels/se-web/">' in visitor.get("/").text
    no_secret_in(visitor, caplog)


def test_without_credentials_a_channel_can_be_made_and_they_come_later(visitor: Visitor, box: Sandbox) -> None:
    later = ("client_id", "client_secret", "merchant_id", "secret_token")
    assert visitor.create(box, **{f"systems.myogo.{key}": "" for key in later}).status == 303
    page = visitor.get("/channels/se-web/settings").text
    assert (page.count("is set; empty keeps it"), page.count("not set yet")) == (1, 4)
    assert visitor.save(**{f"systems.myogo.{key}": secret(key) for key in later}).status == 303
    channel: Any = load(str(visitor.project.channels / "se-web.toml"))
    assert channel.systems["myogo"].secret_token.reveal() == secret("secret_token")
    assert channel.systems["centra"].token.reveal() == secret("centra_token")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("systems.centra.base_url", "http://shop.invalid/api", "must start with https://"),
        ("systems.centra.base_url", "", "is missing"),
        ("systems.centra.timezone", "Stockholm", "is not a time zone"),
        ("systems.centra.token", "abc", "is too short"),
        ("systems.centra.token", "two words", "Copy it again"),
        ("systems.centra.token", "it's-a-long-token", "quotation mark"),
        ("systems.myogo.client_secret", "long-${HOME}-secret", "${"),
        ("schedule", "often", "cron line"),
        ("flows.products.schedule", "every 5 s", "every 1 min"),
        ("flows.products.params.currency", "EURO", "three letters"),
        ("flows.products.limits.max_creates", "many", "must be a number"),
        ("flows.products.limits.max_creates", "-1", "must be at least 0"),
        ("flows.products.limits.max_update_share", "0,3", "must be a number"),
    ],
)
def test_a_wrong_value_is_named_at_its_field_and_nothing_is_written(
    visitor: Visitor, box: Sandbox, key: str, value: str, message: str
) -> None:
    answer = visitor.create(box, **{key: value, "systems.centra.base_url": box.centra_url} | {key: value})
    assert answer.status == 422
    field_id = re.sub(r"[^a-z0-9]+", "-", f"f-{key}".lower())
    error = re.search(rf'id="{field_id}-error">([^<]*)<', answer.text)
    assert error, answer.text
    assert message in error[1].replace("&#39;", "'")
    assert re.search(rf'id="{field_id}"[^>]*aria-describedby="{field_id}-error', answer.text)
    assert re.search(rf'role="alert".*href="#{field_id}"', answer.text, re.DOTALL)
    assert [*visitor.project.channels.iterdir()] == []
    assert not (visitor.project.folder / ".env").exists()
    sent = inputs(answer.text)
    assert sent["systems.centra.timezone"] == ["Stockholm" if key.endswith("timezone") else "Europe/Helsinki"]
    assert sent["name"] == ["se-web"]
    assert [sent[f"systems.myogo.{one}"] for one in SECRETS[1:]] == [[""]] * 4


@pytest.mark.parametrize(
    "name",
    [
        "",
        "example",
        "new",
        "../evil",
        "a/b",
        "/etc/x",
        "A",
        "a b",
        "a.toml",
        "-a",
        "é",
        "x" * 64,
        "a\n",
        "a\0",
        "%2e%2e",
    ],
)
def test_a_name_that_could_leave_the_folder_makes_no_file(visitor: Visitor, box: Sandbox, name: str) -> None:
    answer = visitor.create(box, name=name)
    if name == "a\n":  # a browser's text input has no line breaks; blanks around a name do not count
        assert answer.status == 303
        return
    assert answer.status == 422
    assert "cannot be the name of a channel" in answer.text
    assert {one.name for one in visitor.project.folder.rglob("*")} <= {"channels", "data"}


def test_two_channels_never_share_a_file_or_a_variable(visitor: Visitor, box: Sandbox) -> None:
    assert visitor.create(box, "se-web").status == 303
    before = (visitor.project.folder / ".env").read_text()
    again = visitor.create(box, "se-web", **{"systems.centra.token": "another-long-token"})
    assert "is the name of another channel" in again.text
    similar = visitor.create(box, "se_web", **{"systems.centra.token": "another-long-token"})
    assert "too similar to se-web" in similar.text
    assert (visitor.project.folder / ".env").read_text() == before
    assert [one.name for one in visitor.project.channels.iterdir()] == ["se-web.toml"]


BY_HAND = """\
# Ask Sofia before you change this.
name = "se-web"

[systems.centra] # the Swedish store
base_url = "{centra}"
token = {{ file = "../secrets/token" }}
timezone = "Europe/Stockholm"
requests_per_second = 500.0

[systems.myogo]
base_url = "{myogo}"
token_url = "{myogo}/OAuth/Token"
client_id = {{ env = "CLIENT" }}
client_secret = {{ env = "CLIENT_SECRET" }}
merchant_id = {{ env = "MERCHANT" }}
secret_token = {{ env = "SECRET_TOKEN" }}

[flows.products.params]
currency = "EUR"
[flows.products.limits]
max_update_share = 0.30   # agreed in March
# max_creates = 5

[flows.orders.params]
starting = 2026-01-02
shipping = {{ standard = "HOME" }} # more to come
"""


@pytest.fixture
def by_hand(visitor: Visitor, box: Sandbox) -> Path:
    file = visitor.project.channels / "se-web.toml"
    file.write_text(BY_HAND.format(centra=box.centra_url, myogo=box.myogo_url))
    token = visitor.project.folder / "secrets" / "token"
    token.parent.mkdir()
    token.write_text("old-token-of-the-shop\n")
    token.chmod(0o644)
    (visitor.project.folder / ".env").write_text("# ours\nCLIENT='me'\nCLIENT_SECRET='old-client-secret'\n")
    return file


def test_saving_without_a_change_leaves_every_byte(visitor: Visitor, by_hand: Path) -> None:
    before = by_hand.read_bytes(), by_hand.stat().st_ino, (visitor.project.folder / ".env").read_bytes()
    assert visitor.save().status == 303
    assert (by_hand.read_bytes(), by_hand.stat().st_ino, (visitor.project.folder / ".env").read_bytes()) == before


def test_changed_values_stand_among_the_comments(visitor: Visitor, by_hand: Path) -> None:
    before = by_hand.read_text()
    answer = visitor.save(
        **{
            "schedule": "*/15 6-22 * * *",
            "flows.products.params.pricelist_id": "36",
            "flows.products.limits.max_creates": "12",
            "flows.stock.enabled": "on",
            "flows.stock.params.goods_received": "on",
            "flows.stock.schedule": "off",
            "flows.tracking.enabled": "on",
            "flows.tracking.params.starting": "2026-02-03",
            "flows.orders.enabled": None,
        }
    )
    assert answer.status == 303, answer.text
    text = by_hand.read_text()
    for line in before.splitlines():
        assert line in text.splitlines()
    channel = load(str(by_hand))
    assert [*channel.in_order(())] == ["products", "tracking", "stock"]
    assert str(channel.schedule) == "*/15 6-22 * * *"
    assert channel.flow_params("products").pricelist_id == "36"
    assert channel.flow_params("stock").goods_received
    assert channel.flows["stock"].schedule == "off"
    assert channel.flow_params("tracking").starting == date(2026, 2, 3)
    assert tomllib.loads(text)["flows"]["orders"]["enabled"] is False
    assert visitor.save(**{"flows.orders.enabled": "on"}).status == 303
    orders = load(str(by_hand)).flow_params("orders")
    assert (orders.starting, orders.shipping) == (date(2026, 1, 2), {"standard": "HOME"})


def test_orders_need_a_day_before_they_are_turned_on(visitor: Visitor, by_hand: Path) -> None:
    answer = visitor.save(**{"flows.tracking.enabled": "on"})
    assert answer.status == 422
    assert 'id="f-flows-tracking-params-starting-error">Starting day: is missing' in answer.text
    assert "checked" in re.search(r'<input[^>]*name="flows.tracking.enabled"[^>]*>', answer.text)[0]
    again = visitor.save(**{"flows.tracking.enabled": "on", "flows.tracking.params.starting": "soon"})
    assert "must be a day such as" in again.text


def test_the_last_flow_cannot_be_turned_off(visitor: Visitor, by_hand: Path) -> None:
    answer = visitor.save(**{"flows.products.enabled": None, "flows.orders.enabled": None})
    assert answer.status == 422
    assert "a channel needs at least one" in answer.text


def test_shipping_methods_are_mapped_line_by_line(visitor: Visitor, by_hand: Path) -> None:
    sent = visitor.form("/channels/se-web/settings")
    name = "flows.orders.params.shipping"
    assert sent[f"{name}:from"][0] == "standard"
    sent |= {f"{name}:from": ["standard", "DHL Express", "forgotten", ""], f"{name}:to": ["", "FAST", "", ""]}
    assert visitor.send("/channels/se-web/settings", sent).status == 303
    assert load(str(by_hand)).flow_params("orders").shipping == {"DHL Express": "FAST"}
    assert "# more to come" in by_hand.read_text()
    for lines, message in (
        ((["a", "A"], ["X", "Y"]), "A is there twice"),
        (([""], ["X"]), "X has no method in Centra"),
    ):
        sent = visitor.form("/channels/se-web/settings") | {f"{name}:from": lines[0], f"{name}:to": lines[1]}
        answer = visitor.send("/channels/se-web/settings", sent)
        assert (answer.status, message in answer.text) == (422, True), answer.text


def test_secrets_go_where_the_file_says_and_an_empty_field_keeps_them(
    visitor: Visitor, by_hand: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert (
        visitor.save(**{"systems.centra.token": secret("centra_token"), "systems.myogo.merchant_id": "7"}).status == 303
    )
    token, env = visitor.project.folder / "secrets" / "token", visitor.project.folder / ".env"
    assert token.read_text() == secret("centra_token") + "\n"
    assert (stat.S_IMODE(token.stat().st_mode), stat.S_IMODE(env.stat().st_mode)) == (0o600, 0o600)
    assert env.read_text() == "# ours\nCLIENT='me'\nCLIENT_SECRET='old-client-secret'\nMERCHANT='7'\n"
    assert (os.environ["MERCHANT"], os.environ["CLIENT_SECRET"]) == ("7", "old-client-secret")
    assert "MERCHANT" in by_hand.read_text()
    no_secret_in(visitor, caplog)


def test_a_secret_from_the_environment_of_serve_is_not_hidden_by_env(
    visitor: Visitor, by_hand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "from-the-unit-file")
    answer = visitor.save(**{"systems.myogo.secret_token": "another-secret-token"})
    assert answer.status == 422
    assert "comes from the environment in which serve was started (SECRET_TOKEN)" in answer.text
    assert "another-secret-token" not in (visitor.project.folder / ".env").read_text() + answer.text


def test_a_secret_does_not_follow_the_address_to_another_host(visitor: Visitor, by_hand: Path) -> None:
    before = by_hand.read_text()
    answer = visitor.save(**{"systems.centra.base_url": "https://elsewhere.example/api"})
    assert answer.status == 422
    assert "must be entered again, because the address leads to another host" in answer.text
    assert by_hand.read_text() == before
    moved = {
        "systems.centra.base_url": "https://elsewhere.example/api",
        "systems.centra.token": "a-token-for-elsewhere",
    }
    assert visitor.save(**moved).status == 303
    assert "elsewhere.example" in by_hand.read_text()


def test_a_new_channel_does_not_inherit_the_secrets_of_a_deleted_one(visitor: Visitor, box: Sandbox) -> None:
    visitor.create(box)
    (visitor.project.channels / "se-web.toml").unlink()
    answer = visitor.create(box, **{"systems.centra.base_url": "https://elsewhere.example", "systems.centra.token": ""})
    assert answer.status == 422
    assert "was meant for another channel" in answer.text


def test_a_secret_in_the_wrong_field_is_not_shown_or_stored(visitor: Visitor, by_hand: Path) -> None:
    wrong = secret("centra_token")
    answer = visitor.save(**{"systems.centra.token": wrong, "systems.centra.timezone": wrong})
    assert answer.status == 422
    assert wrong not in answer.text
    assert wrong not in by_hand.read_text()


def test_a_file_that_somebody_changed_meanwhile_is_shown_again(visitor: Visitor, by_hand: Path) -> None:
    sent = visitor.form("/channels/se-web/settings", schedule="off")
    by_hand.write_text(by_hand.read_text().replace("Sofia", "Sven").replace('"EUR"', '"SEK"'))
    answer = visitor.send("/channels/se-web/settings", sent | {"systems.centra.token": ["another-long-token"]})
    assert answer.status == 409
    assert "Somebody changed the file" in answer.text
    assert 'value="SEK"' in answer.text
    assert "Sven" in by_hand.read_text()
    assert "schedule" not in by_hand.read_text()
    assert "another-long-token" not in (visitor.project.folder / "secrets" / "token").read_text()


@pytest.mark.parametrize("damage", ['"EUR"', "base_url"])
def test_a_file_with_a_mistake_can_be_corrected_here(visitor: Visitor, by_hand: Path, damage: str) -> None:
    right = by_hand.read_text()
    by_hand.write_text(right.replace('currency = "EUR"', 'currency = "EURO"'))
    assert 'href="/channels/se-web/settings">Settings</a>' in visitor.get("/").text
    assert "flows.products.params.currency" in visitor.get("/channels/se-web/settings").text
    assert visitor.save(**{"flows.products.params.currency": "EUR"}).status == 303
    assert by_hand.read_text() == right
    by_hand.write_text("name = \n")
    assert visitor.get("/channels/se-web/settings").status == 409


def test_viewers_neither_see_nor_change_settings(tmp_path: Path, pages: Pages, box: Sandbox, visitor: Visitor) -> None:
    visitor.create(box)
    guarded = Visitor(visitor.folder, users=True)
    try:
        log_in(guarded.browser, "vera")
        for path in ("/channels/new", "/channels/se-web/settings"):
            assert guarded.get(path).status == 403
            csrf = inputs(visitor.get(path).text)
            assert guarded.send(path, csrf).status == 403
        assert "New channel" not in guarded.get("/").text
    finally:
        guarded.close()


def test_of_two_who_make_the_same_channel_one_is_refused(visitor: Visitor, box: Sandbox) -> None:
    tokens = [{"name": "se-web", "systems.centra.token": f"long-token-{number}"} for number in range(4)]
    forms = [visitor.form("/channels/new", **(answers(box) | one)) for one in tokens]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

    async def all_at_once() -> list[Answer]:
        return await asyncio.gather(
            *(
                visitor.browser.request("POST", "/channels/new", headers, urlencode(one, doseq=True).encode())
                for one in forms
            )
        )

    statuses = [answer.status for answer in visitor.loop.run_until_complete(all_at_once())]
    assert sorted(statuses) == [303, 422, 422, 422]
    assert f"long-token-{statuses.index(303)}" in (visitor.project.folder / ".env").read_text()


def test_price_lists_and_shipping_methods_are_those_that_were_read(
    shop_of: Callable[..., Shop], tmp_path: Path
) -> None:
    shop = shop_of(
        size(1, prices=[euro("10.00"), euro("9.00", "41", pricelist="Outlet"), euro("9", "7", currency="SEK")])
    )
    for method in ("DHL Express", "DHL Express", "standard"):
        shop.box.place_centra_order(lines=[{"code": "SKU1", "qty": 1, "price": 10}], paid=1, shippingList=method)
    shop.text += '\n[flows.orders.params]\nstarting = 2026-01-01\nshipping = { standard = "HOME" }\n'
    shop.file.write_text(shop.text)
    shop.run("plan")
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "demo.toml").write_text(shop.text)
    visitor = Visitor(tmp_path)
    page = visitor.get("/channels/demo/settings").text
    visitor.close()
    select = re.search(r'<select id="f-flows-products-params-pricelist-id".*?</select>', page, re.DOTALL)
    assert select, page
    options = re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)<', select[0])
    assert options == [("", "not chosen"), ("36", "36 (EUR), 1 sizes"), ("41", "41 (Outlet), 1 sizes")]
    assert inputs(page)["flows.orders.params.shipping:from"] == ["standard", "DHL Express", "", ""]
    assert inputs(page)["flows.orders.params.shipping:to"] == ["HOME", "", "", ""]
