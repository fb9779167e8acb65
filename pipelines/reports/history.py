"""The history of one code, or of an order by its number."""

from __future__ import annotations

import contextlib

from pipelines.config.channel import Channel
from pipelines.core.errors import ConfigError
from pipelines.core.json_codec import decode_exact
from pipelines.engine.flow import ChangeWords
from pipelines.reports.change_text import changed_fields, created_fields
from pipelines.reports.formatting import clean
from pipelines.reports.tables import has
from pipelines.state.store import Folder, published

CLOSE_FROM = 0.8  # the similarity of Jaro and Winkler, from 0 to 1, of codes that may be meant
_CLOSEST = """
    select code from v_products where code <> '' and jaro_winkler_similarity(code, $code) >= $least
    order by jaro_winkler_similarity(code, $code) desc, code limit 3"""


def history(channel: Channel, folder: Folder, code: str) -> list[str]:
    """A line about the times, then one per event of the code, oldest first, or of the codes that a flow knows by that
    number. A line names its code if it is another one than was asked for. Raises ConfigError if the channel has no run
    yet, or has never met the code."""
    named = {name: flow.codes_named(code) for name, flow in channel.known_flows.items()}
    patterns = [[flow, pattern] for flow, pattern in named.items() if pattern is not None]
    with contextlib.closing(published(folder)) as db:
        if not has(db, "main.v_history"):
            raise ConfigError("This channel has not read both sides yet.", "Run plan or push first.")
        rows = db.execute(
            "select h.happened_at, h.run_id, h.verb, h.event, coalesce(h.detail, ''), h.code, h.flow, c.action, "
            "cast(c.before as varchar), cast(c.after as varchar) from v_history h left join sync.changes c "
            "on c.run_id = h.run_id and c.flow = h.flow and c.key = h.code and h.event = 'planned ' || c.action "
            f"where {_matching(len(patterns))} order by h.happened_at, h.code, h.event",
            [code, *(value for pair in patterns for value in pair)],
        ).fetchall()
        known = has(db, "main.v_products")
        if not rows and (not known or not db.execute("select 1 from v_products where code = ?", [code]).fetchall()):
            closest = db.execute(_CLOSEST, {"code": code, "least": CLOSE_FROM}).fetchall() if known else []
            near = f" The closest codes: {', '.join(repr(one) for (one,) in closest)}." if closest else ""
            raise ConfigError(f"No run has met {code!r}.", f"Check the code or the order number.{near}")
    if not rows:
        return [f"No run has planned, written or withheld anything for {code!r}: both sides have it alike."]
    lines = ["All times are UTC."]
    for at, run, verb, event, message, of, flow, action, before, after in rows:
        detail = message if action is None else _planned(channel, flow, action, before, after)
        known_as = "" if of == code else f"{of}  "
        lines.append(clean(f"{at:%Y-%m-%d %H:%M:%S} {verb:5} {run}  {known_as}{event}  {detail}"))
    return lines


def _matching(patterns: int) -> str:
    return "h.code = ?" + " or (h.flow = ? and regexp_full_match(h.code, ?))" * patterns


def _planned(channel: Channel, name: str, action: str, before: str | None, after: str | None) -> str:
    """The fields of a planned change as the plan shows them, without the internal columns of its flow."""
    old, new = (decode_exact((text or "{}").encode()) or {} for text in (before, after))
    flow = channel.known_flows.get(name)
    words = flow.change_words if flow else ChangeWords()
    currency = flow.currency(channel.flow_params(name)) if flow and name in channel.flows else ""
    if action == "create":
        described = flow.describe_create(new) if flow else ()
        return "; ".join(described or created_fields(words, new, currency))
    return "; ".join(changed_fields(words, old, new, currency))
