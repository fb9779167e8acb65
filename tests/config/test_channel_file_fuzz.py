"""A damaged channel file loads or raises ConfigError, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.config.channel import Channel
from pipelines.config.load import load
from pipelines.config.project import BUILT_IN_CHANNELS
from pipelines.core.errors import ConfigError
from tests.support.strategies import UNUSUAL_TEXTS, damaged, fuzz_settings
from tests.systems.test_clients_fuzz import check_error

EXAMPLE = (BUILT_IN_CHANNELS / "example.toml").read_bytes()
DEEP = b"x = " + b"[" * 3000


def _with_value(index: int, value: str) -> bytes:
    """The example with another value in one of its lines."""
    lines = EXAMPLE.decode().splitlines()
    places = [n for n, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    line = places[index % len(places)]
    lines[line] = f"{lines[line].split('=')[0]}= {value}"
    return "\n".join(lines).encode()


PLAIN = [text for text in UNUSUAL_TEXTS if text.isascii() and text.isprintable()]
VALUES = st.sampled_from(
    ["1", "-1", "1e400", "nan", "-inf", "true", "[]", "{}", '{ env = "" }', '{ env = "A\\u0000B" }', '{ file = "" }',
     '{ file = "a\\u0000b" }', '{ file = "/" }', '{ env = 1 }', "1979-05-27", '"https://[::1"', '"http://127.0.0.1:99999"',
     '"https://\\u0000"', '"os:path.join"', '"pipelines.:x"', '"..:x"', "99999999999999999999999", '["*", 1]', "[[1]]"]
) | st.sampled_from(PLAIN).map(lambda text: "'" + text.replace("'", "") + "'")  # fmt: skip


@fuzz_settings(120)
@given(damaged(EXAMPLE) | st.builds(_with_value, st.integers(0, 40), VALUES) | st.binary(max_size=80))
@example(DEEP)
def test_a_damaged_file_loads_or_raises_config_error(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "damaged.toml"
        file.write_bytes(body)
        try:
            loaded = load(str(file))
        except ConfigError as error:
            check_error(error)
        else:
            assert isinstance(loaded, Channel)


@pytest.mark.parametrize(
    "body", [DEEP, b'name = "\\ud800"', b"\xff\xfe", b"name = 1\x00"], ids=["deep", "half", "utf-16", "NUL"]
)
def test_an_unreadable_file_raises_config_error(body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(body)
    with pytest.raises(ConfigError):
        load(str(file))
