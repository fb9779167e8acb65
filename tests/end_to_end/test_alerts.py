"""Alerts and heartbeats of complete pushes through the command line, and of `status`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.reports import alert_delivery, heartbeat
from tests.end_to_end.test_orders import PERSON, TABLE
from tests.support.alert_server import TOKEN, AlertServer, alert_server, closed_port
from tests.support.shop import Shop, euro, size
from tests.support.shop_helpers import FOREVER

ALERTS = """
[alerts]
urls      = [{ env = "ALERT_URL" }]
heartbeat = { env = "HEARTBEAT_URL" }
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertServer]:
    with alert_server(monkeypatch) as running:
        yield running


@pytest.fixture
def shop(shop_of: Callable[..., Shop], server: AlertServer) -> Shop:
    return shop_with_alerts(shop_of(size(1), size(2)))


def shop_with_alerts(shop: Shop, more: str = "") -> Shop:
    shop.edit('attention = "any"', 'attention = "new"')
    shop.edit("[systems.centra]\n", "[systems.centra]\nattempts = 1\n")
    shop.text += ALERTS + more
    shop.file.write_text(shop.text, "utf-8")
    return shop


def push(shop: Shop, *words: str) -> Any:
    return shop.command("push", str(shop.file), *words)


def test_from_good_to_attention_and_back(shop: Shop, server: AlertServer) -> None:
    assert push(shop).exit_code == 0
    assert server.titles == []
    shop.box.change_centra_row(2, prices=[])
    assert push(shop).exit_code == 3
    assert server.titles == ["demo: attention"]
    lines = server.alerts[0].message.splitlines()
    assert lines[0].startswith("Done, but some rows need fixing: 1 withheld, 1 new. (exit 3, run ")
    assert "products: attention; read 2, withheld 1 (1 new), create 0, update 0, applied 0, refused 0" in lines[2]
    assert lines[4].startswith("PRICE-001: sizes where ")
    assert lines[5] == "  SKU2"
    assert lines[-1] == f"centra-myogo report {shop.file} --html demo.html"
    shop.box.change_centra_row(2, prices=[euro("10.00")])
    assert push(shop).exit_code == 0
    assert push(shop).exit_code == 0
    assert server.titles == ["demo: attention", "demo: good"]
    assert server.pings == [("GET", "/start"), ("POST", "")] * 4


def test_a_row_that_stays_withheld_or_refused_is_no_news(shop: Shop, server: AlertServer) -> None:
    """With attention = "any", every push ends with 3 as long as a row is withheld. A row that is refused again is no
    news, another one is, and so is one that was accepted in between."""
    shop.edit('attention = "new"', 'attention = "any"')
    shop.box.change_centra_row(2, prices=[])
    assert [push(shop).exit_code, push(shop).exit_code] == [3, 3]
    assert len(server.titles) == 1
    refuse = {"side": "myogo", "kind": "status", "status": 400, "path": "/Products"}
    shop.box.add_fault(**refuse, method="PUT", times=4)
    shop.box.add_fault(**refuse, method="POST", times=2)
    shop.box.change_centra_row(1, name="Anorak")
    assert [push(shop).exit_code, push(shop).exit_code] == [3, 3]
    assert len(server.titles) == 2
    message = server.alerts[1].message
    assert "TARGET-001: A system refused a change; the other changes were still sent.\n  SKU1\n" in message
    assert "\n  SKU2\n" in message
    shop.box.change_centra_row(2, prices=[euro("10.00")])
    assert [push(shop).exit_code, push(shop).exit_code] == [3, 3]
    assert len(server.titles) == 3
    assert push(shop).exit_code == 0
    shop.box.add_fault(**refuse, method="PUT")
    shop.box.change_centra_row(1, name="Coat")
    assert push(shop).exit_code == 3
    assert server.titles == ["demo: attention"] * 3 + ["demo: good", "demo: attention"]


def test_only_the_first_codes_are_listed(shop_of: Callable[..., Shop], server: AlertServer) -> None:
    shop = shop_with_alerts(shop_of(size(1), *(size(n, prices=[]) for n in range(2, 10))))
    assert push(shop).exit_code == 3
    message = server.alerts[0].message
    assert "\n  SKU2, SKU3, SKU4, SKU5, SKU6\n" in message
    assert "\nand 3 more\n" in message


def test_a_message_has_no_data_of_a_person(shop_of: Callable[..., Shop], server: AlertServer) -> None:
    """An order whose address cannot be used, and one that myOGO refuses with the address in its answer."""
    shop = shop_with_alerts(shop_of(size(1, physical=9), myogo=[{"code": "SKU1", "stock": 9}]), TABLE)
    person = {
        "deliveryName": PERSON[0], "deliveryEmail": PERSON[1], "deliveryTele": PERSON[2], "deliveryAddress": PERSON[3],
    }  # fmt: skip
    goods = {"lines": [{"code": "SKU1", "qty": 1, "price": 10}], "paid": 1}
    shop.box.place_centra_order(**goods, **person, deliveryCity="", deliveryCountry=PERSON[0])
    shop.box.place_centra_order(**goods, **person, shippingList=PERSON[3])
    shop.box.place_centra_order(**goods, **person)
    shop.box.add_fault(
        side="myogo",
        kind="status",
        status=400,
        path="/Orders",
        method="POST",
        body=f"{PERSON[0]}, {PERSON[3]}",
        times=FOREVER,
    )
    assert push(shop).exit_code == 3
    message = server.alerts[0].message
    assert (
        "ORDER-004: orders where the delivery address lacks what myOGO requires\n  demo-1001-1\n  In Centra" in message
    )
    assert "TARGET-001: A system refused a change; the other changes were still sent.\n  demo-1003-1\n" in message
    everything = "\n".join(one.body for one in server.received)
    everything += (shop.data / "demo" / "alerts.json").read_text("utf-8")
    for word in (*PERSON, "Aino", "Hämeentie"):
        assert word not in everything
        assert json.dumps(word)[1:-1] not in everything


def test_plans_and_pushes_of_some_codes_say_nothing_about_the_channel(shop: Shop, server: AlertServer) -> None:
    shop.box.change_centra_row(2, prices=[])
    assert push(shop, "--sku", "SKU2").exit_code == 3
    assert shop.command("plan", str(shop.file)).exit_code == 3
    assert server.received == []
    assert push(shop).exit_code == 0  # the plan has shown the row, which no alert has
    assert server.titles == ["demo: attention"]
    assert push(shop).exit_code == 0
    assert server.titles == ["demo: attention", "demo: good"]


def test_a_push_that_cannot_begin_is_reported(shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the missing secret. A channel file with a mistake in it names no target."""
    shop.edit('token               = { file = "', 'token               = { file = "/nowhere')
    result = push(shop, "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["id"]) == (2, "CONFIG-001")
    assert server.titles == ["demo: failed"]
    assert "systems.centra.token: the secret file /nowhere" in server.alerts[0].message
    assert server.pings == [("GET", "/start"), ("POST", "/fail")]
    shop.edit("[alerts]", "[alerts]\nrefusd = 1")
    assert push(shop).exit_code == 2
    assert len(server.received) == 3


def test_a_bug_in_a_push_is_reported(shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.engine.run.group_copy.check", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        push(shop)
    assert server.titles == ["demo: failed"]
    assert "FAULT-001" in server.alerts[0].message


def test_an_outage_is_reported_from_the_second_push_on(shop: Shop, server: AlertServer) -> None:
    shop.box.add_fault(side="centra", kind="status", status=503, path="/products", times=FOREVER)
    assert push(shop).exit_code == 5
    assert server.titles == []
    assert push(shop).exit_code == 5
    assert server.titles == ["demo: failed"]
    assert server.pings[1::2] == [("POST", "/fail")] * 2


def test_a_busy_channel_is_no_failure(shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert push(shop).exit_code == 0
    from pipelines.state.lock import channel_lock
    from pipelines.state.store import Folder

    with channel_lock(Folder(shop.data, "demo"), "demo", "push", shop.file):
        assert push(shop).exit_code == 6
    assert server.titles == []
    assert ("POST", "/fail") not in server.pings


@pytest.mark.parametrize("json_words", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("what", ["hangs", "refuses", "no extra"])
def test_a_target_that_does_not_answer_changes_neither_the_exit_code_nor_stdout(
    shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch, what: str, json_words: list[str]
) -> None:
    monkeypatch.setattr(alert_delivery, "LONGEST_S", 0.2)
    monkeypatch.setattr(heartbeat, "LONGEST_S", 0.2)
    if what == "hangs":
        server.hangs = True
    elif what == "refuses":
        monkeypatch.setenv("ALERT_URL", f"json://127.0.0.1:{closed_port()}/{TOKEN}")
        monkeypatch.setenv("HEARTBEAT_URL", f"http://127.0.0.1:{closed_port()}/{TOKEN}")
    else:
        monkeypatch.setitem(sys.modules, "apprise", None)
    shop.box.change_centra_row(2, prices=[])
    result = push(shop, *json_words)
    assert result.exit_code == 3
    without = shop.text.replace(ALERTS, "").replace('name = "demo"', 'name = "other"')
    (shop.folder / "other.toml").write_text(without, "utf-8")
    shop.box.reset()
    shop.box.change_centra_row(2, prices=[])
    expected = shop.command("push", str(shop.folder / "other.toml"), *json_words)
    assert expected.exit_code == 3
    assert _comparable(result.stdout) == _comparable(expected.stdout)
    assert result.stderr.count("ALERT_URL" if what != "no extra" else "centra-myogo[alerts]") == 1
    assert TOKEN not in result.output


def _comparable(text: str) -> list[str]:
    """Without ids, times and names of the run and its channel."""
    return [
        word for word in text.replace("other", "demo").split() if not any(c.isdigit() for c in word) and "/" not in word
    ]


def test_a_heartbeat_does_not_delay_the_start_of_a_push(
    shop: Shop, server: AlertServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server hangs until the test ends: `start` returns without its answer."""
    server.hangs = True
    alerts = shop.channel().alerts
    assert alerts is not None
    beat = heartbeat.Heartbeat(alerts.heartbeat)
    beat.start()
    assert not beat._started.done()


def test_status_finds_a_channel_whose_pushes_have_stopped(
    shop: Shop, server: AlertServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a limit it sends nothing; --max-age is one, and so is the channel file. One message in all."""
    shop.edit(ALERTS, ALERTS + "hours_since_success = 1e-9\n")
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "broken.toml").write_text("name = 1", "utf-8")
    file = tmp_path / "channels" / "demo.toml"
    file.write_text(shop.text.replace("hours_since_success = 1e-9", ""), "utf-8")
    assert shop.command("push", "demo").exit_code == 0
    assert shop.command("status").exit_code == 0
    assert server.titles == []
    assert shop.command("status", "--max-age", "0s").exit_code == 3
    assert server.titles == ["demo: stale"]
    assert "\ncentra-myogo push demo" in server.alerts[0].message
    assert shop.command("push", "demo").exit_code == 0
    assert server.titles == ["demo: stale", "demo: good"]
    file.write_text(shop.text, "utf-8")
    result = shop.command("status", "--json")
    assert result.exit_code == 0
    assert [one["channel"] for one in json.loads(result.stdout)["channels"]] == ["broken", "demo"]
    assert server.titles == ["demo: stale", "demo: good", "demo: stale"]
    assert shop.command("status").exit_code == 0
    assert len(server.titles) == 3
