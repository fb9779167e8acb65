"""Renders the templates. All texts are escaped; vendor texts have their invisible characters shown."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from pipelines.reports.formatting import age, local_time, number, sentence, short, visible
from pipelines.web.access import csrf_token, current_user, operator_notice

STATE_WORDS = {
    "only source": "only in {source}",
    "differs": "differs",
    "withheld": "withheld",
    "refused": "refused by {target}",
    "unknown": "no answer came",
    "equal": "equal",
    "only target": "only in {target}",
    "not wanted": "not wanted",
    "not compared": "not compared yet",
}

ACCEPTED, KEPT = "accept_as_new", "kept_codes"  # parameters of a flow whose rules name them as a way out
DONE = {
    "exclude": "{code} is excluded in the channel file. It is not wanted from the next run on.",
    "include": "{code} is included again, from the next run on.",
    "accept": "{code} may become a new product; the next plan shows it. After the push, take it out of accept_as_new.",
    "withdraw": "{code} is not accepted as a new product any more, from the next run on.",
    "keep": "{code} keeps its old product, from the next run on: for products, stock, orders and tracking.",
    "release": "{code} does not keep its old product any more, from the next run on.",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "as_pattern": glob.escape,
        "n": "{:,}".format,
        "number": number,
        "sentence": sentence,
        "short": short,
        "visible": visible,
    }
    environment.globals["shown_value"] = shown_value
    return environment


def render(
    request: Request, template: str, status: int = 200, *, zone: str | None = None, **values: Any
) -> HTMLResponse:
    """The page. `zone` is the shop's time zone; times are in UTC without it."""
    now = datetime.now(UTC).replace(tzinfo=None)
    facts = {
        "user": current_user(request),
        "csrf": csrf_token(request),
        "notice": operator_notice(request),
        "when": partial(local_time, zone=ZoneInfo(zone) if zone else None),
        "ago": lambda moment: "never" if moment is None else f"{age(moment, now)} ago",
    }
    return HTMLResponse(_environment().get_template(template).render(**facts, **values), status)


def shown_value(value: Any) -> str:
    """A value of a field; amounts keep their digits."""
    if value is None or value == "":
        return "nothing"
    return visible(value if isinstance(value, str) else number(value) if isinstance(value, float) else str(value))


def state_words(source: str, target: str) -> Mapping[str, str]:
    """What the states of a flow's rows are called; `source` and `target` are the systems' names."""
    return {state: words.format(source=source, target=target) for state, words in STATE_WORDS.items()}


def done_text(choice: str, code: str) -> str:
    """What the page says after a choice; "" for none."""
    return DONE[choice].format(code=code[:200]) if choice in DONE and code else ""
