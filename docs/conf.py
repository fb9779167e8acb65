"""The site of these pages: `make site` builds it with Sphinx, and every warning is an error."""

from __future__ import annotations

import re
from typing import Any

project = "centra-myogo"
copyright = "the centra-myogo developers"
extensions = ["myst_parser"]
myst_heading_anchors = 4
root_doc = "index"
html_theme = "furo"
html_title = "centra-myogo"
html_static_path: list[str] = []
html_show_sphinx = False
pygments_style = "friendly"

SECTION = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
PAGE = re.compile(r"\[([^\]]+)\]\(([\w-]+)\.md\)")
ELSEWHERE = re.compile(r"\[`?([^\]`]*)`?\]\((\.\./[\w/]+\.md)\)")


def add_contents(_: Any, name: str, source: list[str]) -> None:
    """Makes the lists of index.md the site's navigation: one group per heading."""
    if name == root_doc:
        for title, items in SECTION.findall(source[0]):
            pages = "\n".join(f"{text} <{page}>" for text, page in PAGE.findall(items))
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n"


def offer_downloads(_: Any, name: str, source: list[str]) -> None:
    """Pages of other folders are not part of the site; a link to one downloads it."""
    source[0] = ELSEWHERE.sub(r"{download}`\1 <\2>`", source[0])


def setup(app: Any) -> None:
    app.connect("source-read", add_contents)
    app.connect("source-read", offer_downloads)
