"""The report as one HTML page without network access and JavaScript. All vendor text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipelines.reports.formatting import age, number, outcome, sentence, short, sums, visible, when
from pipelines.reports.model import Facts
from pipelines.state.run_result import HEADLINES

_WIDTH, _HEIGHT = 120, 24


def page(facts: Facts, titles: Mapping[str, str], command: str, lists: str | None) -> str:
    """Renders the page. `titles` has the channel's systems by name, in order. `command` is the command that writes
    the CSV files; `lists` is the relative path to their folder if they are already written."""
    environment = Environment(
        loader=PackageLoader("pipelines.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    places = [*titles.values()]
    now = facts.compared.started_at if facts.compared else facts.run.started_at
    environment.filters |= {
        "when": when,
        "age": partial(age, now=now),
        "visible": visible,
        "number": number,
        "sentence": sentence,
        "short": short,
        "spark": spark,
        "outcome": outcome,
        "place": lambda owner: f"place-{places.index(owner) + 1}" if owner in places else "place-0",
        "n": "{:,}".format,
    }
    return environment.get_template("report.html.j2").render(
        facts=facts,
        run=facts.run,
        lead=facts.lead,
        titles=titles,
        sums_of=sums,
        read=facts.read,
        headlines=HEADLINES,
        command=command,
        lists=None if lists is None else quote(lists),
    )


def spark(values: Sequence[int]) -> Markup:
    """A sparkline of `values` as SVG. Zero is at the bottom; a dot marks the last value."""
    top = max(values, default=0) or 1
    step = _WIDTH / max(len(values) - 1, 1)
    points = [(round(3 + i * step, 1), round(3 + _HEIGHT * (1 - value / top), 1)) for i, value in enumerate(values)]
    label = ", ".join(map(str, values))
    line = " ".join(f"{x},{y}" for x, y in points)
    x, y = points[-1] if points else (3, 3 + _HEIGHT)
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" role="img" aria-label="{label}"><title>{label}</title>'
        '<polyline points="{line}"/><circle cx="{x}" cy="{y}" r="2.5"/></svg>'
    ).format(w=_WIDTH + 6, h=_HEIGHT + 6, label=label, line=line, x=x, y=y)
