"""Rules of this repository that tests enforce: imports, names, sizes, what the pages name, and generated files."""

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
from pipelines.config.load import load
from pipelines.config.project import BUILT_IN_CHANNELS
from pipelines.core.errors import ConfigError
from pipelines.core.reference import import_string
from pipelines.sandbox.channel_file import channel_file
from pipelines.state.schema import Table, View
from tests.support.declared import FLOWS, MIRRORS, RULES, TABLES, VIEWS
from tests.support.pages import README, all_pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = all_pages()


def imports(path: Path) -> set[str]:
    """Every module that the file imports, also inside functions."""
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
def test_transforms_and_schemas_import_nothing_impure(path: Path) -> None:
    """No pipelines, no HTTP, no database, no clock and no environment."""
    banned = ("pipelines", "requests", "duckdb", "dlt", "os", "time", "datetime", "socket")
    impure = {name for name in imports(path) if name.split(".")[0] in banned}
    assert impure <= {"datetime"} if "datetime" in impure else not impure


def test_only_systems_http_imports_requests() -> None:
    http_modules = {path for path in sources("pipelines") if any(n.split(".")[0] == "requests" for n in imports(path))}
    assert {path.relative_to(ROOT / "pipelines").parts[:2] for path in http_modules} == {("systems", "http")}


@pytest.mark.parametrize(
    "path", sources("pipelines") + sources("transforms") + sources("schemas"), ids=lambda p: p.stem
)
def test_a_module_has_at_most_350_lines(path: Path) -> None:
    """A longer module has more than one subject."""
    assert len(path.read_text("utf-8").splitlines()) <= 350


def test_the_built_in_channel_loads_and_the_example_needs_its_values() -> None:
    assert load(str(BUILT_IN_CHANNELS / "demo.toml")).name == "demo"
    with pytest.raises(ConfigError) as caught:
        load(str(BUILT_IN_CHANNELS / "example.toml"))
    assert 'name = "example" is a placeholder' in caught.value.message
    assert "systems.centra.base_url (https://shop.example/api/order-api) is a placeholder" in caught.value.message


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("key", ["extract", "live", "transform", "contract", "target"])
def test_every_reference_of_a_built_in_flow_can_be_imported(flow: str, key: str) -> None:
    assert import_string(getattr(FLOWS[flow], key)) is not None


# Words of the vendors and flows, as they stand in names, texts and SQL.
VENDORS = re.compile(r"centra(?!l|-myogo|_myogo|myogoerror)|(?<!centra[-_])(?<!centra)myogo|ogoship", re.IGNORECASE)
FLOW_WORDS = re.compile(r"[\"'\[. ](products|orders|tracking)[\"'\]. ]")


@pytest.mark.parametrize(
    "path",
    [path for room in ("engine", "state", "reports", "core") for path in sorted((ROOT / "pipelines" / room).rglob("*"))
     if path.suffix in (".py", ".j2", ".css", ".js", ".sql")],
    ids=lambda path: str(path.relative_to(ROOT / "pipelines")),
)  # fmt: skip
def test_the_engine_names_no_vendor_and_no_flow(path: Path) -> None:
    """Their names in messages come from the declarations of systems and flows."""
    text = path.read_text("utf-8")
    assert [found.group() for found in VENDORS.finditer(text)] == []
    assert [found.group() for found in FLOW_WORDS.finditer(text)] == []


def test_the_demo_channel_file_is_the_one_that_the_sandbox_prints() -> None:
    printed = channel_file(
        "http://127.0.0.1:8620/api/order-api", "http://127.0.0.1:8621", secrets="../sandbox/credentials"
    )
    assert (BUILT_IN_CHANNELS / "demo.toml").read_text("utf-8") == printed


def test_the_pages_name_every_command_and_option() -> None:
    """And no command that does not exist. README alone names every command."""
    commands: dict[str, Any] = vars(get_command(app))["commands"]
    verbs = set(commands)
    readme = README.read_text("utf-8")
    assert set(re.findall(r"centra-myogo (\w+)", PAGES)) - {"on"} <= verbs
    for name, verb in commands.items():
        assert f"centra-myogo {name}" in readme
        shown = (parameter for parameter in verb.params if not getattr(parameter, "hidden", False))
        for option in (opt for parameter in shown for opt in parameter.opts if opt.startswith("--")):
            if name != "sandbox" and option != "--help":
                assert f"`{option}" in PAGES, f"{name} {option}"


def test_the_pages_name_every_rule_and_table() -> None:
    assert [rule for rule in RULES if rule not in PAGES] == []
    assert [table for table in MIRRORS if table not in PAGES] == []
    assert [table.name for table in TABLES if f"`{table.name}`" not in PAGES] == []
    assert [view.name for view in VIEWS if f"`{view.name}`" not in PAGES] == []


@pytest.mark.parametrize("table", [*TABLES, *VIEWS], ids=lambda table: table.name)
def test_every_column_has_a_comment_and_no_reserved_name(table: Table | View) -> None:
    """Reserved by DuckDB or by other common databases."""
    reserved = {word for (word,) in duckdb.sql("select keyword_name from duckdb_keywords() "
                                               "where keyword_category = 'reserved'").fetchall()}  # fmt: skip
    reserved |= {"read", "update", "rows", "unknown"}
    assert [column.name for column in table.columns if column.name in reserved] == []
    assert [column.name for column in table.columns if not column.comment.endswith(".")] == []
    assert table.comment.endswith(".")


def test_every_make_target_in_the_pages_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    used = set(re.findall(r"(?:^|`)make (\w+)", PAGES, re.MULTILINE))
    assert used >= {"demo", "test"}
    assert used <= targets


def test_env_example_names_every_secret_of_the_example_channel() -> None:
    example = tomllib.loads((BUILT_IN_CHANNELS / "example.toml").read_text("utf-8"))
    wanted = {v["env"] for system in example["systems"].values() for v in system.values() if isinstance(v, dict)}
    given = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert given == wanted


@pytest.mark.parametrize(
    "name",
    ["requirements.lock", "requirements-mutants.lock", "requirements-site.lock", "deploy/dagster/requirements.lock"],
)
def test_the_lock_names_no_index_and_has_a_hash_for_each_package(name: str) -> None:
    lock = (ROOT / name).read_text("utf-8")
    assert "://" not in lock
    for block in re.split(r"\n(?=\S)", lock.strip()):
        assert block.startswith("#") or "--hash=sha256:" in block, block[:60]
