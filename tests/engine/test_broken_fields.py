"""How a field that cannot be read is counted over the staged rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from pipelines.engine.broken_fields import BrokenField, broken_fields
from pipelines.engine.flow import StagedRows
from pipelines.state.schema import DatabaseSchema
from pipelines.state.store import Folder, Store

STAGED = StagedRows("raw_shop.items", "The shop's items", "item", ("amount", "name"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = Folder(tmp_path, "demo")
    folder.make()
    with closing(Store(folder, DatabaseSchema(systems=("shop",)))) as store:
        store.connection.execute("create table raw_shop.items (item varchar, extra varchar)")
        yield store


def counted(store: Store, *extras: str | None) -> list[BrokenField]:
    rows = {"item": [f"I{number}" for number in range(len(extras))], "extra": pd.Series(extras, dtype="str")}
    store.replace("raw_shop.items", pd.DataFrame(rows))
    return list(broken_fields(store, STAGED))


def test_each_needed_field_is_counted_with_its_first_rows(store: Store) -> None:
    rows = ('{"amount":null}', None, '{"amount":"x","name":[1]}', '{"amount":{"a":1}}', '{"amount":true}')
    assert counted(store, *rows) == [
        BrokenField("amount", 4, 5, ("'I0' (null)", "'I2' (\"x\")", "'I3' ({\"a\":1})")),
        BrokenField("name", 1, 5, ("'I2' ([1])",)),
    ]


@pytest.mark.parametrize(
    "extra",
    [
        None,
        '{"other":true}',
        '{"other":{"amount":1}}',
        '{"names":1,"amounts":2}',
        '{"amount":{"given_more_than_once":[1,2]}}',
    ],
    ids=["nothing", "another field", "inside another field", "similar names", "two values in one row"],
)
def test_a_row_that_does_not_show_that_the_answers_changed_is_not_counted(store: Store, extra: str | None) -> None:
    assert counted(store, extra, None) == []


def test_an_example_is_short(store: Store) -> None:
    (field,) = counted(store, f'{{"name":["{"x" * 500}"]}}')
    assert len(field.examples[0]) < 60
