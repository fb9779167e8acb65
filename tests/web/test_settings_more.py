"""Settings: what a run reads, alerts, webhooks, the selection of products, carriers."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.config.load import load
from pipelines.sandbox import Sandbox
from tests.support.settings_form import inputs
from tests.web.test_settings_page import BY_HAND, Visitor

URL, OTHER_URL = "json://127.0.0.1:9/tok9fJ2kQ7wwPz31Ru5Xy8", "json://127.0.0.1:9/another8Kq2mmVw4Zt7"
PING = "https://hc-ping.example/3f1b9c4e-77aa-4d0e-8b1c-52d9e0a6c7f4"


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Visitor]:
    before = dict(os.environ)
    found = Visitor(tmp_path / "project")
    yield found
    found.close()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def file(visitor: Visitor, box: Sandbox) -> Path:
    path = visitor.project.channels / "se-web.toml"
    path.write_text(BY_HAND.format(centra=box.centra_url, myogo=box.myogo_url))
    return path


def error_at(page: str, key: str) -> str:
    """The message at the field."""
    field_id = re.sub(r"[^a-z0-9]+", "-", f"f-{key}".lower())
    found = re.search(rf'id="{field_id}-error">([^<]*)<', page)
    assert found, page
    return found[1].replace("&#39;", "'").replace("&#34;", '"')


def receiver_of(visitor: Visitor) -> Any:
    one = visitor.channels.find("se-web")
    assert one
    assert one.hints
    assert one.hints.receiver
    return one.hints.receiver


def variables(file: Path) -> list[str | None]:
    alerts = load(str(file)).alerts
    return [one.env for one in alerts.urls] if alerts else []


def env(visitor: Visitor) -> str:
    path = visitor.project.folder / ".env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_text()


def test_a_run_reads_what_changed_and_everything_once_a_day(visitor: Visitor, file: Path) -> None:
    text = file.read_text()
    assert visitor.save(**{"schedule": "every 15 min", "refresh": "changes", "full_at": "03:30"}).status == 303
    channel = load(str(file))
    assert (channel.refresh, str(channel.full_at)) == ("changes", "03:30")
    assert 'value="03:30"' in visitor.get("/channels/se-web/settings").text
    assert visitor.save(schedule="", refresh="full", full_at="").status == 303
    assert file.read_text() == text.replace('name = "se-web"\n', 'name = "se-web"\nrefresh = "full"\n')


@pytest.mark.parametrize(
    ("typed", "key", "message"),
    [
        ({"refresh": "full", "full_at": "03:30", "schedule": "every 1 h"}, "full_at", "every run reads everything"),
        ({"refresh": "changes", "full_at": "03:30"}, "full_at", "no flow has a schedule"),
        ({"refresh": "changes", "full_at": "25:00", "schedule": "every 1 h"}, "full_at", "is not a time of day"),
        ({"refresh": "changes", "systems.centra.timezone": ""}, "refresh", "needs systems.centra.timezone"),
        ({"refresh": "sometimes"}, "refresh", "full"),
        ({"alerts.refused": "3"}, "alerts.refused", "needs an address that messages go to"),
        ({"alerts.urls.new": "nonsense-without-a-scheme"}, "alerts.urls.new", "not one that apprise can use"),
        ({"alerts.urls.new": "json://has a blank"}, "alerts.urls.new", "contains a blank"),
        ({"alerts.heartbeat": "http://ping.example/abcdefgh"}, "alerts.heartbeat", "must start with https://"),
        ({"alerts.heartbeat": "abc"}, "alerts.heartbeat", "is too short"),
        ({"alerts.urls.new": URL, "alerts.withheld_share": "10"}, "alerts.withheld_share", "must be at most 1"),
        ({"alerts.urls.new": URL, "alerts.withheld_share": "10 %"}, "alerts.withheld_share", "must be a number"),
        ({"alerts.urls.new": URL, "alerts.duration_s": "0"}, "alerts.duration_s", "must be more than 0"),
        ({"alerts.urls.new": URL, "alerts.page": "pages"}, "alerts.page", "must be a full web address"),
        ({"listen.myogo_key": "abc"}, "listen.myogo_key", "is too short"),
        ({"listen.myogo_key": "a-long-secret-word", "listen.myogo_key:create": "on"}, "listen.myogo_key", "do one of"),
    ],
)
def test_a_wrong_value_has_one_sentence_at_its_field_and_nothing_is_written(
    visitor: Visitor, file: Path, typed: dict[str, str], key: str, message: str
) -> None:
    before = file.read_bytes()
    answer = visitor.save(**typed)
    assert answer.status == 422
    assert message in error_at(answer.text, key)
    label = re.search(r'role="alert".*?</ul>', answer.text, re.DOTALL)
    assert label
    assert label[0].count("<li>") == 1
    section = answer.text.rpartition(f'name="{key}"')[0].rpartition("<details class=")[2]
    assert section.startswith('"part" open>')
    assert file.read_bytes() == before
    assert not (visitor.project.folder / ".env").exists()
    assert not any(value in answer.text for value in typed.values() if len(value) >= 16)


def test_alerts_go_to_addresses_that_no_page_shows_again(
    visitor: Visitor, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    typed = {"alerts.urls.new": URL, "alerts.heartbeat": PING, "alerts.withheld_share": "0.1",
             "alerts.hours_since_success": "2"}  # fmt: skip
    assert visitor.save(**typed).status == 303
    alerts = load(str(file)).alerts
    assert alerts
    assert ([one.reveal() for one in alerts.urls], alerts.withheld_share, alerts.hours_since_success) == ([URL], 0.1, 2)
    assert alerts.heartbeat
    assert alerts.heartbeat.reveal() == PING
    assert f"SE_WEB_ALERT_URL='{URL}'" in env(visitor)
    page = visitor.get("/channels/se-web/settings").text
    assert "messages to 1 address and a heartbeat" in page
    assert visitor.save(**{"alerts.urls.new": OTHER_URL}).status == 303
    assert "SE_WEB_ALERT_URL_2=" in env(visitor)
    kept = file.read_text()
    assert visitor.save().status == 303
    assert file.read_text() == kept
    assert visitor.save(**{"alerts.urls.0:remove": "on"}).status == 303
    assert variables(file) == ["SE_WEB_ALERT_URL_2"]
    assert visitor.save(**{"alerts.urls.new": URL}).status == 303
    assert variables(file) == ["SE_WEB_ALERT_URL_2", "SE_WEB_ALERT_URL"]
    file.write_text(file.read_text().replace("[alerts]", "# ask the team\n[alerts]\n# chat"))
    gone = {"alerts.urls.0:remove": "on", "alerts.urls.1:remove": "on", "alerts.heartbeat:remove": "on"}
    assert "needs an address" in visitor.save(**gone).text
    assert visitor.save(**gone, **{"alerts.withheld_share": "", "alerts.hours_since_success": ""}).status == 303
    assert load(str(file)).alerts is None
    assert "# ask the team\n# chat" in file.read_text()
    shown = "".join(one.text for one in visitor.seen) + caplog.text
    assert not any(value in shown for value in (URL, OTHER_URL, PING))


def test_comments_among_addresses_and_patterns_survive(visitor: Visitor, file: Path) -> None:
    file.write_text(file.read_text() + (
        '[flows.products.select]\nexclude = [\n  "OLD*",  # until spring\n  "GIFT*",\n]  # ask Sofia\n'
        '[alerts]\nurls = [\n  { env = "TEAM" },  # the team\n]  # and nobody else\n'
    ))  # fmt: skip
    sent = inputs(visitor.get("/channels/se-web/settings").text)
    assert sent["flows.products.select.exclude"] == ["OLD*\nGIFT*"]
    typed = {"flows.products.select.exclude": "OLD*\r\n\r\n  NEW*  ", "alerts.urls.new": URL}
    assert visitor.save(**typed).status == 303
    for comment in ("# until spring", "# ask Sofia", "# the team", "# and nobody else"):
        assert comment in file.read_text()
    channel: Any = load(str(file))
    assert channel.flows["products"].select.exclude == ("OLD*", "NEW*")
    assert [one.env for one in channel.alerts.urls] == ["TEAM", "SE_WEB_ALERT_URL"]


def test_the_selection_of_products(visitor: Visitor, file: Path) -> None:
    text = file.read_text()
    assert visitor.save(**{"flows.products.select.include": "JKT*\nParkas"}).status == 303
    select = load(str(file)).flows["products"].select
    assert (select.include, select.exclude) == (("JKT*", "Parkas"), ())
    assert visitor.save(**{"flows.products.select.include": ""}).status == 303
    assert load(str(file)).flows["products"].select.include == ("*",)
    assert all(line in file.read_text().splitlines() for line in text.splitlines())


def test_a_created_webhook_secret_is_shown_once_and_counts_at_once(
    visitor: Visitor, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert visitor.save(**{"listen.centra_secret:create": "on", "listen.myogo_key": "entered-by-hand-77"}).status == 303
    stored = re.search(r"SE_WEB_WEBHOOK_CENTRA_SECRET='([^']+)'", env(visitor))
    assert stored
    assert len(stored[1]) >= 40
    first = visitor.get("/channels/se-web/settings?saved=1").text
    assert first.count(stored[1]) == 1
    assert "no page shows it again" in first
    assert "entered-by-hand-77" not in first
    assert "/hooks/se-web/centra" in first
    again = [visitor.get(path).text for path in ("/channels/se-web/settings?saved=1", "/channels/se-web/settings", "/")]
    assert not any(stored[1] in page or "no page shows" in page for page in again)
    receiver = receiver_of(visitor)
    assert visitor.save(**{"listen.centra_secret:create": "on"}).status == 303  # the file stays as it is
    assert receiver_of(visitor) is not receiver
    assert stored[1] not in env(visitor)
    assert visitor.save(**{"listen.centra_secret:remove": "on"}).status == 303
    listen = load(str(file)).listen
    assert listen
    assert (listen.secret("centra_secret"), listen.secret("myogo_key") is not None) == (None, True)
    assert stored[1] not in caplog.text


def test_another_session_does_not_see_a_created_secret(tmp_path: Path, visitor: Visitor, file: Path) -> None:
    assert visitor.save(**{"listen.centra_secret:create": "on"}).status == 303
    cookies, visitor.browser.cookies = visitor.browser.cookies, {}
    assert "no page shows" not in visitor.get("/channels/se-web/settings?saved=1").text
    visitor.browser.cookies = cookies
    assert "no page shows" in visitor.get("/channels/se-web/settings?saved=1").text


def test_carriers_line_by_line(visitor: Visitor, file: Path) -> None:
    file.write_text(file.read_text() + (
        '[flows.tracking.params]\nstarting = 2026-01-02\n[flows.tracking.params.carriers]\n'
        'HOME = { carrier = "Posti", service = "Home parcel" }  # since May\n'
        'LETTER = { carrier = "Posti", tracked = false }\nOLD = { carrier = "X" }\n'
    ))  # fmt: skip
    name = "flows.tracking.params.carriers"
    sent = visitor.form("/channels/se-web/settings")
    columns = (sent[f"{name}:{part}"] for part in ("from", "carrier", "service", "tracked"))
    assert list(zip(*columns, strict=True))[:4] == [
        ("HOME", "Posti", "Home parcel", "on"), ("LETTER", "Posti", "", ""), ("OLD", "X", "", "on"), ("", "", "", "on"),
    ]  # fmt: skip
    kept = file.read_text()
    assert visitor.send("/channels/se-web/settings", sent).status == 303
    assert file.read_text() == kept
    sent = visitor.form("/channels/se-web/settings") | {
        f"{name}:from": ["HOME", "LETTER", "OLD", "BOX", "SEEN"],
        f"{name}:carrier": ["PostNord", "Posti", "", "DHL", ""],
        f"{name}:service": ["Home parcel", "Letter", "", "", ""],
        f"{name}:tracked": ["on", "", "on", "", "on"],
    }
    assert visitor.send("/channels/se-web/settings", sent).status == 303
    assert "# since May" in file.read_text()
    carriers = load(str(file)).flow_params("tracking").carriers
    assert {code: (one.carrier, one.service, one.tracked) for code, one in carriers.items()} == {
        "HOME": ("PostNord", "Home parcel", True), "LETTER": ("Posti", "Letter", False), "BOX": ("DHL", "", False),
    }  # fmt: skip
    for row, message in (
        (("", "DHL", "", "on"), "DHL has no code in myOGO"),
        (("BOX", "", "", ""), "BOX has no carrier in Centra"),
        (("HOME", "DHL", "", "on"), "HOME is there twice"),
    ):
        sent = visitor.form("/channels/se-web/settings")
        for part, value in zip(("from", "carrier", "service", "tracked"), row, strict=True):
            sent[f"{name}:{part}"] = [*sent[f"{name}:{part}"], value]
        answer = visitor.send("/channels/se-web/settings", sent)
        assert (answer.status, message) == (422, message if message in error_at(answer.text, name) else answer.text)


def test_a_wrong_name_does_not_hide_the_other_errors(visitor: Visitor, box: Sandbox) -> None:
    """Each further attempt means to enter five secrets again."""
    answer = visitor.create(box, name="My Shop!", **{"flows.products.params.currency": "euro"})
    assert answer.status == 422
    assert "cannot be the name of a channel" in answer.text
    assert error_at(answer.text, "flows.products.params.currency")
    assert [*visitor.project.channels.glob("*.toml")] == []
