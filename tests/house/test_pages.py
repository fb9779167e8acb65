"""README and docs: short, linked with each other, and without links that lead nowhere."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipelines.config.alerts import Alerts
from pipelines.config.channel import ExpectationSettings, FlowSettings, Select
from pipelines.config.listen import Listen
from pipelines.config.load import _TopLevel
from pipelines.config.state import State
from pipelines.core.reference import import_string
from tests.support.declared import FLOWS, SYSTEMS
from tests.support.pages import DOCS, README, ROOT, all_pages, anchors, headings, relative_links

OTHERS = [ROOT / name for name in ("CHANGELOG.md", "tests/README.md", "tests/end_to_end/cases/README.md",
                                   "data/sample/README.md", "benchmarks/README.md",
                                   "deploy/dagster/README.md")]  # fmt: skip
PAGES = [README, *DOCS, *OTHERS]


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_readme_has_at_most_200_lines() -> None:
    """What does not fit belongs into docs/."""
    assert len(README.read_text("utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_heading_stands_once_in_a_page(page: Path) -> None:
    found = headings(page)
    assert [heading for heading in found if found.count(heading) > 1] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in relative_links(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_lists_every_page_of_docs() -> None:
    index = ROOT / "docs" / "index.md"
    assert {f"docs/{link}" for link in relative_links(index)} >= {page_id(page) for page in DOCS if page != index}


def test_every_page_that_code_and_examples_name_exists() -> None:
    """Messages, comments and sample files send readers to pages by name."""
    files = [*(ROOT / "pipelines").rglob("*.py"), *(ROOT / "pipelines" / "channels").glob("*.toml"),
             *(path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.suffix != ".pyc"),
             ROOT / ".env.example"]  # fmt: skip
    named = {name for file in files for name in re.findall(r"\bdocs/[\w-]+\.md", file.read_text("utf-8"))}
    assert "docs/webhooks.md" in named
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def channel_keys() -> Iterator[str]:
    """The last part of each key of a channel file."""
    models: list[type[BaseModel]] = [_TopLevel, FlowSettings, Select, ExpectationSettings, Listen, Alerts, State]
    models += [system.Config for system in SYSTEMS.values()] + [flow.Limits for flow in FLOWS.values()]
    for model in models:
        yield from (field.alias or name for name, field in model.model_fields.items())
    for flow in FLOWS.values():
        yield from (field.name for field in fields(typing.get_type_hints(import_string(flow.transform))["params"]))


def test_the_pages_explain_every_key_of_a_channel_file() -> None:
    """As `key`, or at the end of a longer name such as `flows.stock.limits.max_updates`."""
    tables = {"systems", "flows", "params", "select", "limits", "expectations", "listen", "links", "alerts", "state"}
    pages = all_pages()
    missing = {key for key in channel_keys() if not re.search(rf"`(?:[\w.*]+\.)?{key}`", pages)}
    assert missing - tables == set()
