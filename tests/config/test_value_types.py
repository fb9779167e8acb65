"""Values of a type that pydantic would convert: TOML has types, so a text is never a number or true."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from tests.config.test_channel import GOOD, LISTEN

STOCK = "[flows.stock.params]\n{}\n"
ORDERS = "[flows.orders.params]\nstarting = 2026-01-01\n{}\n"
CARRIER = (
    '[flows.tracking.params]\nstarting = 2026-01-01\n[flows.tracking.params.carriers]\nA = {{ carrier = "B", {} }}\n'
)


def file_of(folder: Path, text: str) -> Path:
    file = folder / "se-web.toml"
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (STOCK.format('goods_received = "yes"'), "flows.stock.params.goods_received: must be true or false"),
        (STOCK.format("goods_received = 1"), "flows.stock.params.goods_received: must be true or false"),
        (ORDERS.format('test = "off"'), "flows.orders.params.test: must be true or false"),
        (ORDERS.format("capture = 1"), "flows.orders.params.capture: must be true or false"),
        (ORDERS.format('look_back_days = "30"'), "flows.orders.params.look_back_days: must be a whole number"),
        (ORDERS.format("look_back_days = true"), "flows.orders.params.look_back_days: must be a whole number"),
        ("[flows.orders.params]\nstarting = 0\n", "flows.orders.params.starting: must not be a number"),
        (CARRIER.format('tracked = "no"'), "flows.tracking.params.carriers.A.tracked: must be true or false"),
        (STOCK.format("") + '[flows.stock.limits]\nmin_rows = "1"', "flows.stock.limits.min_rows: must be a whole"),
        (STOCK.format("") + "[flows.stock.limits]\nmax_zero_share = true",
         "flows.stock.limits.max_zero_share: must be a number"),
        (STOCK.format("") + '[flows.products.expectations]\nenabled = "no"',
         "flows.products.expectations.enabled: must be true or false"),
        (LISTEN + 'port = "8625"\n', "listen.port: must be a whole number"),
        ('[alerts]\nheartbeat = { env = "X" }\nurls = [{ env = "Y" }]\nrefused = "2"', "alerts.refused: must"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(str(file_of(tmp_path, f"{GOOD}\n{text}")))
    (message,) = caught.value.message.splitlines()
    assert problem in message


@pytest.mark.parametrize("line", ['page_size = "100"', "page_size = true", 'requests_per_second = "2"'])
def test_a_setting_of_a_system_too(tmp_path: Path, line: str) -> None:
    key = line.split()[0]
    text = "".join(
        f"{line}\n" if old.startswith(key) and "[flows" not in before and "[systems.myogo]" not in before else old
        for before, old in _with_text_before(GOOD)
    )
    with pytest.raises(ConfigError, match=rf"systems\.centra\.{key}: must be a"):
        load(str(file_of(tmp_path, text)))


def _with_text_before(text: str) -> list[tuple[str, str]]:
    lines = text.splitlines(keepends=True)
    return [("".join(lines[:number]), line) for number, line in enumerate(lines)]


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    """And a day may be a text."""
    text = GOOD.replace("max_update_share = 0.30", "max_update_share = 1")
    channel = load(str(file_of(tmp_path, f'{text}\n[flows.orders.params]\nstarting = "2026-01-01"\n')))
    assert channel.flow_limits("products").max_update_share == 1.0
    assert f"{channel.flow_params('orders').starting}" == "2026-01-01"


def test_a_pattern_is_explained_in_words(tmp_path: Path) -> None:
    text = GOOD.replace('currency         = "EUR"', 'currency = "EURO"')
    with pytest.raises(ConfigError, match="currency: must be three letters such as EUR"):
        load(str(file_of(tmp_path, text)))
