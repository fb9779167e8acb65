"""JSON rows to Arrow columns: how each kind of field converts each JSON type."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from pipelines.core.errors import ContractError
from pipelines.core.json_codec import DuplicateKeyValue, decode
from pipelines.systems.arrow_columns import Findings, schema, table
from schemas.fields.spec import FieldSpec, Kind

MISSING = object()
BAD = object()


def staged(
    *rows: dict[str, Any], fields: tuple[FieldSpec, ...], findings: Findings | None = None, **options: Any
) -> pa.Table:
    return table(list(rows), fields, lambda index: f"row number {index}", findings or Findings(), **options)


def column(kind: Kind, *cells: Any, required: bool = False, findings: Findings | None = None) -> list[Any]:
    """The staged values of these cells; `MISSING` is a row without the key."""
    rows = [{} if cell is MISSING else {"theField": cell} for cell in cells]
    arrow_table = staged(*rows, fields=(FieldSpec("col", "theField", kind, required=required),), findings=findings)
    return list(arrow_table["col"].to_pylist())


# Kind, then what each JSON value is staged as. Numbers with a point arrive as their digits (see payload).
DRIFT: dict[Kind, list[tuple[str, Any]]] = {
    "id": [
        ("232", "232"), ('"36"', "36"), ('" x "', " x "), ("0", "0"), ("9007199254740993", "9007199254740993"),
        ("18446744073709551617", "18446744073709551617"), ("-1", "-1"), ('""', BAD), ("null", BAD), ("true", BAD),
        ("[]", BAD), ("{}", BAD), ("[1]", BAD), ('{"a": 1}', BAD),
    ],
    "text": [
        ('"x"', "x"), ('""', ""), ('" "', " "), ("null", None), ("5", "5"), ("1.50", "1.50"),
        ("9007199254740993", "9007199254740993"), ("18446744073709551617", "18446744073709551617"), ("[]", None),
        ("{}", None), ("true", BAD), ("false", BAD), ('["x"]', BAD), ('{"a": 1}', BAD),
    ],
    "number": [
        ("100", "100"), ('"329.00"', "329.00"), ("164.5", "164.5"), ("0.10", "0.10"), ("1e2", "1e2"),
        ('"abc"', "abc"), ('""', ""), ("null", None), ("[]", None), ("0", "0"), ("-1", "-1"), ("true", BAD),
        ("[1]", BAD), ('{"a": 1}', BAD), ("3.141592653589793238462643", "3.141592653589793238462643"),
    ],
    "integer": [
        ("5", 5), ('"5"', 5), ("-5", -5), ('"-5"', -5), ("5.0", 5), ("0", 0), ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775807", 1 - 2**63), ("9223372036854775808", BAD), ("5.5", BAD), ('""', BAD), ('"x"', BAD),
        ('"1_000"', BAD), ('"\u0661"', BAD), ("null", BAD), ("true", BAD), ("[]", BAD), ("1e999999999", BAD),
        ('"NaN"', BAD), ('"Infinity"', BAD),
    ],
    "flag": [
        ("0", False), ("1", True), ("true", True), ("false", False), ('"0"', False), ('"1"', True), ('"true"', True),
        ('"TRUE"', True), ('"False"', False), ("2", BAD), ("-1", BAD), ('"yes"', BAD), ('""', BAD), ("null", BAD),
        ("[]", BAD), ("1.0", BAD),
    ],
    "texts": [
        ('["a", "b"]', '["a","b"]'), ("[]", "[]"), ("{}", "[]"), ("null", "[]"), ('""', "[]"), ('"a"', BAD),
        ("[1]", BAD), ("[null]", BAD), ('{"a": "b"}', BAD), ("0", BAD), ("false", BAD),
    ],
    "json": [
        ('[{"id": "40", "price": 164.50}]', '[{"id":"40","price":"164.50"}]'), ("[]", None), ("{}", None),
        ("null", None), ("0", "0"), ("false", "false"), ('""', '""'), ('"x"', '"x"'),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [pytest.param(kind, *case, id=f"{kind} {case[0]}") for kind, cases in DRIFT.items() for case in cases],
)
def test_each_json_type_is_converted_or_reported(kind: Kind, sent: str, expected: Any) -> None:
    """With field and row in the error; alone and together with other types."""
    cell, usual = decode(sent.encode()), {"id": "a", "text": "a", "number": "1", "integer": 1, "flag": True}.get(kind)
    if expected is BAD:
        for cells in ([cell], [usual, cell]):
            with pytest.raises(ContractError, match=rf"row number {len(cells) - 1}: field 'theField' is"):
                column(kind, *cells)
    else:
        assert column(kind, cell) == [expected]
        assert column(kind, usual, cell, usual)[1] == expected


MISMATCHES: list[tuple[Kind, str, Any, str | None]] = [
    ("text", "true", None, '{"theField":true}'),
    ("text", '["x"]', None, '{"theField":["x"]}'),
    ("text", '{"a": 1.10}', None, '{"theField":{"a":"1.10"}}'),
    ("texts", "[1]", "[]", '{"theField":[1]}'),
    ("texts", '"a"', "[]", '{"theField":"a"}'),
    ("number", "true", "true", None),
    ("number", '{"a": 1}', '{"a":1}', None),
    ("integer", "5.5", None, '{"theField":"5.5"}'),
    ("integer", '"1_0"', None, '{"theField":"1_0"}'),
    ("integer", "null", None, None),
]


@pytest.mark.parametrize(
    ("kind", "sent", "expected", "extra"), [pytest.param(*c, id=f"{c[0]} {c[1]}") for c in MISMATCHES]
)
@pytest.mark.parametrize("on_type_mismatch", ["report", "withhold"])
def test_a_type_mismatch_that_does_not_stop_the_run_is_reported_and_kept_raw(
    kind: Kind, sent: str, expected: Any, extra: str | None, on_type_mismatch: Any
) -> None:
    """Its column holds no usable value, `extra` keeps it raw, and the findings name the field."""
    findings = Findings()
    rows = [{"theField": decode(sent.encode())}, {}]
    arrow_table = staged(
        *rows, fields=(FieldSpec("col", "theField", kind, on_type_mismatch=on_type_mismatch),), findings=findings
    )
    assert arrow_table["col"].to_pylist() == [expected, "[]" if kind == "texts" else None]
    if kind == "number" and on_type_mismatch == "withhold":  # the column's text alone does not say that it is wrong
        extra = f'{{"theField":{expected}}}'
    assert arrow_table["extra"].to_pylist() == [extra, None]
    assert findings.type_mismatches == ({} if sent == "null" else {"theField": "row number 0"})


def test_a_deeply_nested_value_is_staged_or_reported() -> None:
    """Also deeper than a JSON parser allows; never an internal error."""
    deep: Any = "x\ud800"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ContractError, match="row number 0: field 'theField' is"):
        column("text", deep)
    assert len(column("json", deep)[0]) < 100
    assert len(staged({"other": deep}, fields=(FieldSpec("c", "c", "text"),))["extra"].to_pylist()[0]) < 100


def test_an_error_names_the_value_and_the_expected_type() -> None:
    """On one line, for a value of any length."""
    with pytest.raises(ContractError) as caught:
        column("integer", 1, "x" * 10_000)
    assert "but must be an integer" in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.exit_code == 5
    assert caught.value.fix


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        pytest.param("id", [1, "2", 2**70], ["1", "2", str(2**70)], id="ids of all sizes"),
        pytest.param("text", ["a", 1, None, "", []], ["a", "1", None, "", None], id="texts and empty values"),
        pytest.param("text", [None, None], [None, None], id="only nulls"),
        pytest.param("text", [[], []], [None, None], id="only empty maps"),
        pytest.param("text", [1, 2, None], ["1", "2", None], id="numbers and null"),
        pytest.param("number", ["1.50", 2, None], ["1.50", "2", None], id="prices"),
        pytest.param("flag", [1, True, "0", "false"], [True, True, False, False], id="flags"),
        pytest.param("integer", [1, "2", -3], [1, 2, -3], id="counts"),
        pytest.param("texts", [["a", "é"], [], ["a", "é"]], ['["a","é"]', "[]", '["a","é"]'], id="lists of texts"),
        pytest.param("texts", [["a"], None, "", {}], ['["a"]', "[]", "[]", "[]"], id="lists and empty values"),
        pytest.param("json", [[], []], [None, None], id="only empty lists"),
        pytest.param("json", [[], [1], ["a"]], [None, "[1]", '["a"]'], id="lists of anything"),
        pytest.param("json", [[], {}, None, 0], [None, None, None, "0"], id="empty values and a zero"),
    ],
)
def test_each_cell_of_a_mixed_column_is_converted_by_itself(kind: Kind, cells: list[Any], expected: list[Any]) -> None:
    """Other cells do not change its value."""
    assert column(kind, *cells) == expected


@pytest.mark.parametrize("kind", ["text", "number", "texts", "json"])
def test_a_missing_key_reads_as_null(kind: Kind) -> None:
    """If the field is not required."""
    assert column(kind, MISSING) == column(kind, None)


@pytest.mark.parametrize("kind", ["id", "text", "number", "integer", "flag", "texts"])
def test_a_missing_required_key_breaks_the_contract(kind: Kind) -> None:
    """The error names the row, also for a nullable column."""
    good = {"id": 1, "text": "a", "number": 1, "integer": 1, "flag": 1, "texts": []}[kind]
    with pytest.raises(ContractError, match="row number 1 lacks the required field 'theField'"):
        column(kind, good, MISSING, good, required=True)


@pytest.mark.parametrize(("kind", "staged_value"), [
    ("text", None), ("number", None), ("integer", None), ("flag", None), ("texts", "[]"), ("id", None),
])  # fmt: skip
def test_a_missing_required_key_that_withholds_a_row_is_kept_as_missing(kind: Kind, staged_value: Any) -> None:
    """So is null where the kind has none; the other rows are staged."""
    field, findings = FieldSpec("col", "theField", kind, required=True, on_type_mismatch="withhold"), Findings()
    good = {"id": 1, "text": "a", "number": 1, "integer": 1, "flag": 1, "texts": []}[kind]
    rows = [{}, {"theField": None}, {"theField": good}]
    arrow_table = staged(*rows, fields=(field,), findings=findings)
    null_is_wrong = kind in ("integer", "flag", "id")
    assert arrow_table["col"].to_pylist()[0] == staged_value
    assert arrow_table["extra"].to_pylist() == [
        '{"theField":{"missing":true}}',
        '{"theField":null}' if null_is_wrong else None,
        None,
    ]
    assert findings.type_mismatches == {"theField": "row number 0"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param({"0": "a", "1": "b"}, '["a","b"]', id="from 0"),
        pytest.param({"7": "a"}, '["a"]', id="one"),
        pytest.param({"3": "a", "1": "b"}, '["a","b"]', id="in their order"),
        pytest.param({"1": "a", "x": "b"}, None, id="one key is a word"),
        pytest.param({"-1": "a"}, None, id="negative"),
        pytest.param({"1.5": "a"}, None, id="with a point"),
        pytest.param({"٣": "a"}, None, id="digits of another script"),
        pytest.param({"1": 2}, None, id="not texts"),
    ],
)
def test_an_object_whose_keys_are_whole_numbers_is_a_list(cell: dict[str, Any], expected: str | None) -> None:
    """PHP's way to write a list with gaps. Anything else is no list."""
    findings = Findings()
    field = FieldSpec("col", "theField", "texts", on_type_mismatch="withhold")
    assert staged({"theField": cell}, fields=(field,), findings=findings)["col"].to_pylist() == [expected or "[]"]
    assert bool(findings.type_mismatches) == (expected is None)


def test_null_is_not_missing() -> None:
    assert column("text", None, "a", required=True) == [None, "a"]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("a\ud800", "a\ufffd"),
        ("\udc00a", "\ufffda"),
        ("\ud800a\udc00", "\ufffda\ufffd"),
        ("\ud83d\ude00 \ud83d", "😀 \ufffd"),
    ],
    ids=ascii,
)
def test_lone_surrogates_are_replaced_and_counted(sent: str, stored: str) -> None:
    """The rest of the text and the other rows are unchanged."""
    findings = Findings()
    assert column("text", "x", sent, findings=findings) == ["x", stored]
    assert findings.repaired == 1


def test_lone_surrogates_in_lists_and_objects_are_replaced() -> None:
    assert column("texts", ["a\ud800", "b"]) == ['["a\ufffd","b"]']
    assert column("json", {"k\ud800": ["a\ud800"]}) == ['{"k\ufffd":["a\ufffd"]}']
    twice = DuplicateKeyValue(("a\ud800", ["b\ud800"]))
    assert column("json", twice) == ['{"given_more_than_once":["a\ufffd",["b\ufffd"]]}']


def test_unusual_but_valid_texts_are_unchanged() -> None:
    findings = Findings()
    sent = ["\x00", "\ufeffa", "a\u2028b", "😀", "\ufffd"]
    assert column("text", *sent, findings=findings) == sent
    assert findings.repaired == 0


FIELDS = (FieldSpec("own", "ownId", "id", required=True), FieldSpec("name", "name", "text"))


def test_unknown_fields_are_kept_raw_and_reported() -> None:
    """As one JSON object per row with sorted keys and exact numbers; reported with the first row that has each."""
    findings = Findings()
    arrow_table = staged(
        {"ownId": 1, "name": "a"},
        {"ownId": 2, "name": "b", "tariff": decode(b"1.10"), "attributes": {"x": [1, None]}},
        {"ownId": 3, "name": "c", "tariff": 2**80, "big": True},
        fields=FIELDS,
        findings=findings,
    )
    extra = arrow_table["extra"].to_pylist()
    assert extra[0] is None
    assert extra[1] == '{"attributes":{"x":[1,null]},"tariff":"1.10"}'
    assert json.loads(extra[2]) == {"big": True, "tariff": 2**80}
    assert findings.unknown == {"attributes": "row number 1", "tariff": "row number 1", "big": "row number 2"}


def test_an_unknown_field_is_reported_once() -> None:
    """Over several batches, with the first row."""
    findings = Findings(unknown={"new": "an earlier row"})
    staged({"ownId": 1, "name": "", "new": 1}, fields=FIELDS, findings=findings)
    assert findings.unknown == {"new": "an earlier row"}


def test_known_keys_are_not_reported() -> None:
    findings = Findings()
    arrow_table = staged(
        {"ownId": 1, "name": "", "prices": []}, fields=FIELDS, findings=findings, known=frozenset({"prices"})
    )
    assert arrow_table["extra"].to_pylist() == [None]
    assert findings.unknown == {}


def test_the_name_of_an_unknown_field_can_be_stored() -> None:
    findings = Findings()
    staged({"ownId": 1, "name": "", "new\ud800": "x\ud800"}, fields=FIELDS, findings=findings)
    assert list(findings.unknown) == ["new\ufffd"]


def test_no_rows_still_have_all_columns() -> None:
    """With the same types, so that an empty list empties the tables."""
    assert staged(fields=FIELDS).schema == staged({"ownId": 1, "name": "a"}, fields=FIELDS).schema
    assert staged(fields=FIELDS).num_rows == 0


def test_a_table_with_one_field_is_staged() -> None:
    assert staged({"ownId": 1}, {"ownId": 2}, fields=FIELDS[:1])["own"].to_pylist() == ["1", "2"]


def test_schema_marks_nullable_columns() -> None:
    kinds: list[Kind] = ["id", "text", "number", "integer", "flag", "texts", "json"]
    arrow_table = schema([FieldSpec(kind, kind, kind) for kind in kinds])
    assert [field.name for field in arrow_table if not field.nullable] == ["id", "integer", "flag"]
    assert arrow_table.field("integer").type == pa.int64()
    assert arrow_table.names[-1] == "extra"
    assert "extra" not in schema([FieldSpec("a", "a", "text")], extra=False).names
