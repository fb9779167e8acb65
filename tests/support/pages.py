"""The pages that people read: README and docs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def all_pages() -> str:
    """The text of README and of every page of docs/."""
    return "\n".join(page.read_text("utf-8") for page in (README, *DOCS))


def without_code_blocks(page: Path) -> str:
    return CODE_BLOCK.sub("", page.read_text("utf-8"))


def headings(page: Path) -> list[str]:
    return HEADING.findall(without_code_blocks(page))


def anchors(page: Path) -> set[str]:
    """What GitHub and the site make of the headings: small letters, dashes for blanks, no punctuation."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def relative_links(page: Path) -> list[str]:
    return [link for link in LINK.findall(without_code_blocks(page)) if "://" not in link]
