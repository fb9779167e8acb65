"""The picture of the rooms shows the imports, and no two rooms import each other."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rooms() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_drawn_from_the_imports(rooms: ModuleType) -> None:
    """After a change of imports, `make docs` draws it again."""
    assert rooms.SVG.read_text("utf-8") == rooms.draw(rooms.imports())


def test_every_package_is_a_room(rooms: ModuleType) -> None:
    """Except the sandbox, which stands for two vendors and is imported by no room."""
    packages = {path.parent.name for path in (ROOT / "pipelines").glob("*/__init__.py")} | {"transforms", "schemas"}
    assert packages - {"sandbox"} == set(rooms.ROOMS)


def test_rooms_that_import_each_other_are_an_error(rooms: ModuleType) -> None:
    assert rooms.floors({"a": {"b"}, "b": set()}) == [["b"], ["a"]]
    with pytest.raises(ValueError, match="import each other"):
        rooms.floors({"a": {"b"}, "b": {"c"}, "c": {"a"}})
