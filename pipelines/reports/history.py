"""The history of one code, or of an order by its number."""

from __future__ import annotations

import contextlib

from pipelines.config.channel import Channel
from pipelines.core.errors import ConfigError
from pipelines.reports.formatting import clean
from pipelines.reports.tables import has
from pipelines.state.store import Folder, published

_CLOSEST = "select code from v_products where code <> '' order by jaro_winkler_similarity(code, ?) desc, code limit 3"


def history(channel: Channel, folder: Folder, code: str) -> list[str]:
    """One line per event of the code, oldest first, or of the codes that a flow knows by that number. A line names its
    code if it is another one than was asked for. Raises ConfigError if the channel has no run yet, or has never met the
    code."""
    named = {name: flow.codes_named(code) for name, flow in channel.known_flows.items()}
    patterns = [[flow, pattern] for flow, pattern in named.items() if pattern is not None]
    of_flow = " or (flow = ? and regexp_full_match(code, ?))" * len(patterns)
    with contextlib.closing(published(folder)) as db:
        if not has(db, "main.v_history"):
            raise ConfigError("This channel has not read both sides yet.", "Run plan or push first.")
        rows = db.execute(
            "select happened_at, run_id, verb, event, coalesce(detail, ''), code from v_history "
            f"where code = ?{of_flow} order by happened_at, code, event",
            [code, *(value for pair in patterns for value in pair)],
        ).fetchall()
        known = has(db, "main.v_products")
        if not rows and (not known or not db.execute("select 1 from v_products where code = ?", [code]).fetchall()):
            closest = db.execute(_CLOSEST, [code]).fetchall() if known else []
            near = f" The closest codes: {', '.join(repr(one) for (one,) in closest)}." if closest else ""
            raise ConfigError(f"No run has met {code!r}.", f"Check the code or the order number.{near}")
    if not rows:
        return [f"No run has planned, written or withheld anything for {code!r}: both sides have it alike."]
    return [
        clean(f"{at:%Y-%m-%d %H:%M:%S} {verb:5} {run}  {'' if of == code else f'{of}  '}{event}  {detail}")
        for at, run, verb, event, detail, of in rows
    ]
