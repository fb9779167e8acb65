"""Rules of the house that a reader relies on, kept by a test instead of by memory."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.main import get_command

from pipelines.cli import app
from pipelines.config.load import BUILT_IN_CHANNELS, load
from pipelines.config.reference import import_string
from pipelines.sandbox.channel_file import channel_file
from pipelines.state.schema import Table, View
from tests.support.declared import FLOWS, MIRRORS, RULES, TABLES, VIEWS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def imports(path: Path) -> set[str]:
    """Every module that the file names in an import, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    "path", [*sources("transforms"), *sources("schemas")], ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_the_middle_is_pure(path: Path) -> None:
    """transforms and schemas know no pipelines, no HTTP, no database, no clock and no environment."""
    banned = ("pipelines", "requests", "duckdb", "dlt", "os", "time", "datetime", "socket")
    outside = {name for name in imports(path) if name.split(".")[0] in banned}
    assert outside <= {"datetime"} if "datetime" in outside else not outside


def test_only_the_boundary_speaks_http() -> None:
    speaking = {path for path in sources("pipelines") if any(n.split(".")[0] == "requests" for n in imports(path))}
    assert {path.relative_to(ROOT / "pipelines").parts[:2] for path in speaking} == {("systems", "http")}


@pytest.mark.parametrize(
    "path", sources("pipelines") + sources("transforms") + sources("schemas"), ids=lambda p: p.stem
)
def test_a_module_has_one_noun(path: Path) -> None:
    """Past 350 lines there is a second noun in it."""
    assert len(path.read_text("utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", sorted(BUILT_IN_CHANNELS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_channel_file_loads(path: Path) -> None:
    """And its name is its file's name."""
    assert load(str(path)).name == path.stem


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("key", ["extract", "live", "transform", "contract", "target"])
def test_every_reference_of_a_built_in_flow_leads_somewhere(flow: str, key: str) -> None:
    assert import_string(getattr(FLOWS[flow], key)) is not None


# Words of the vendors and flows, as they stand in names, texts and SQL.
VENDORS = re.compile(r"centra(?!l|-myogo|_myogo|myogoerror)|(?<!centra[-_])(?<!centra)myogo|ogoship", re.IGNORECASE)
FLOW_WORDS = re.compile(r"[\"'\[. ](products|orders|tracking)[\"'\]. ]")


@pytest.mark.parametrize(
    "path",
    [path for room in ("engine", "state", "reports", "core") for path in sorted((ROOT / "pipelines" / room).rglob("*"))
     if path.suffix in (".py", ".j2", ".css", ".sql")],
    ids=lambda path: str(path.relative_to(ROOT / "pipelines")),
)  # fmt: skip
def test_the_engine_names_no_vendor_and_no_flow(path: Path) -> None:
    """Words for people come from the declarations of systems and flows. What a flow is called may be quoted."""
    text = path.read_text("utf-8")
    assert [found.group() for found in VENDORS.finditer(text)] == []
    assert [found.group() for found in FLOW_WORDS.finditer(text)] == []


def test_the_demo_channel_is_what_the_sandbox_prints() -> None:
    printed = channel_file("http://127.0.0.1:8620/api/order-api", "http://127.0.0.1:8621", secrets="../../data/sandbox")
    assert (BUILT_IN_CHANNELS / "demo.toml").read_text("utf-8") == printed


def test_readme_names_every_verb_and_option() -> None:
    """And no verb that is not there."""
    commands: dict[str, Any] = vars(get_command(app))["commands"]
    verbs = set(commands)
    assert set(re.findall(r"centra-myogo (\w+)", README)) - {"on"} <= verbs
    for name, verb in commands.items():
        assert f"centra-myogo {name}" in README
        for option in (opt for parameter in verb.params for opt in parameter.opts if opt.startswith("--")):
            if name != "sandbox" and option != "--help":
                assert f"`{option}" in README, f"{name} {option}"


def test_readme_names_every_rule_and_table() -> None:
    assert [rule for rule in RULES if rule not in README] == []
    assert [table for table in MIRRORS if table not in README] == []
    assert [table.name for table in TABLES if f"`{table.name}`" not in README] == []
    assert [view.name for view in VIEWS if f"`{view.name}`" not in README] == []


@pytest.mark.parametrize("table", [*TABLES, *VIEWS], ids=lambda table: table.name)
def test_every_column_is_explained_and_no_word_of_sql(table: Table | View) -> None:
    """DuckDB's reserved words, and what other databases reserve."""
    reserved = {word for (word,) in duckdb.sql("select keyword_name from duckdb_keywords() "
                                               "where keyword_category = 'reserved'").fetchall()}  # fmt: skip
    reserved |= {"read", "update", "rows", "unknown"}
    assert [column.name for column in table.columns if column.name in reserved] == []
    assert [column.name for column in table.columns if not column.comment.endswith(".")] == []
    assert table.comment.endswith(".")


def test_readme_names_every_make_target_it_uses() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    used = set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))
    assert used >= {"demo", "test"}
    assert used <= targets


def test_env_example_names_every_secret_of_the_example_channel() -> None:
    example = tomllib.loads((BUILT_IN_CHANNELS / "example.toml").read_text("utf-8"))
    wanted = {v["env"] for system in example["systems"].values() for v in system.values() if isinstance(v, dict)}
    given = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert given == wanted


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-mutants.lock"])
def test_the_lock_names_no_index_and_has_a_hash_for_everything(name: str) -> None:
    lock = (ROOT / name).read_text("utf-8")
    assert "://" not in lock
    for block in re.split(r"\n(?=\S)", lock.strip()):
        assert block.startswith("#") or "--hash=sha256:" in block, block[:60]
