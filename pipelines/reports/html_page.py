"""The report as one HTML page without network access. All vendor text is escaped.

The page works without JavaScript. Its only script, which filters, sorts and copies, is allowed by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import partial
from importlib import resources
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipelines.config.channel import Channel
from pipelines.config.product_links import link
from pipelines.reports.formatting import (
    age,
    day,
    local_time,
    number,
    outcome,
    sentence,
    short,
    sums,
    unchanged_since,
    visible,
)
from pipelines.reports.groups import groups
from pipelines.reports.model import Day, Facts, Row, Todo
from pipelines.state.run_result import HEADLINES

_WIDTH, _HEIGHT = 600, 120


def page(facts: Facts, channel: Channel, command: str, lists: str | None) -> str:
    """Renders the page. `command` is the command that writes the CSV files; `lists` is the relative path to their
    folder if they are already written."""
    environment = Environment(
        loader=PackageLoader("pipelines.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    titles = {name: channel.title(name) for name in channel.systems}
    places = [*titles.values()]
    now = facts.compared.started_at if facts.compared else facts.run.started_at
    zone = ZoneInfo(channel.timezone) if channel.timezone else None
    script = resources.files("pipelines.reports").joinpath("templates", "report.js").read_text("utf-8")
    rules = Counter(todo.rule for flow in facts.flows for todo in (*flow.todos, *flow.warnings))
    environment.filters |= {
        "when": partial(local_time, zone=zone),
        "day": partial(day, zone=zone),
        "age": partial(age, now=now),
        "visible": visible,
        "number": number,
        "unchanged_since": unchanged_since,
        "sentence": sentence,
        "short": short,
        "outcome": outcome,
        "groups": groups,
        "links": partial(_common_links, channel),
        "own_links": partial(_own_links, channel),
        "place": lambda owner: f"place-{places.index(owner) + 1}" if owner in places else "place-0",
        "n": "{:,}".format,
    }

    def anchor(todo: Todo) -> str:
        return todo.rule if rules[todo.rule] == 1 else f"{todo.flow}-{todo.rule}"

    return environment.get_template("report.html.j2").render(
        facts=facts,
        run=facts.run,
        lead=facts.lead,
        titles=titles,
        sums_of=sums,
        read=facts.read,
        headlines=HEADLINES,
        anchor=anchor,
        chart=_chart(facts.days),
        zone=channel.timezone,
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        command=command,
        lists=None if lists is None else quote(lists),
    )


def _links(channel: Channel, row: Row) -> list[tuple[str, str]]:
    """Title and address of the pages where the row's product opens, in the systems that have it."""
    found = []
    for system, pattern in channel.links.items():
        if system in (row["held_in"] or ()) and (address := link(pattern, row | {"code": row["own_code"]})):
            found.append((channel.title(system), address))
    return found


def _common_links(channel: Channel, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The links that all rows have."""
    first, *others = [_links(channel, row) for row in rows]
    return [one for one in first if all(one in links for links in others)]


def _own_links(channel: Channel, row: Row, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The links of one of the rows that the others do not all have."""
    common = _common_links(channel, rows)
    return [one for one in _links(channel, row) if one not in common]


def _chart(days: Sequence[Day]) -> Markup:
    """The days' totals as a line over time, in SVG without text. Zero is at the bottom; a dot marks the last day."""
    top = max((one.total for one in days), default=0) or 1
    step = _WIDTH / max(len(days) - 1, 1)
    points = [(round(i * step, 1), round(_HEIGHT * (1 - one.total / top), 1)) for i, one in enumerate(days)]
    line = " ".join(f"{x},{y}" for x, y in points)
    x, y = points[-1] if points else (0, _HEIGHT)
    return Markup(
        '<svg viewBox="-4 -4 {w} {h}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<polyline points="{line}"/><line class="dot" x1="{x}" y1="{y}" x2="{x}" y2="{y}"/></svg>'
    ).format(w=_WIDTH + 8, h=_HEIGHT + 8, line=line, x=x, y=y)
