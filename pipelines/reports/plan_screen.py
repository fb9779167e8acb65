"""A plan on one screen: what to fix first, then what would change, and the command that applies exactly this."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.markup import escape

from pipelines.core.json_codec import decode_exact
from pipelines.engine.flow import Evaluation, Flow
from pipelines.engine.plan import Plan
from pipelines.reports.change_text import label, value_text
from pipelines.reports.notes import describe_read
from pipelines.reports.query import words_of
from pipelines.state.run_result import RunResult
from schemas.issues import and_more
from schemas.rule import Rule

# So that a plan fits on one screen, of 40 lines; --all shows everything.
MAX_RULES = 4
MAX_GROUPS = 3
MAX_JUMPS = 2
MAX_FIELDS = 2  # of one change
SHOWN = 2


class PlanScreen:
    """Prints at most `show` changes of each kind, all if it is None. Without `with_changes`, only what needs a look."""

    def __init__(self, show: int | None = SHOWN, *, with_changes: bool = True) -> None:
        self.show, self.with_changes = show, with_changes

    def lines(self, report: RunResult, flow: Flow, plan: Plan, evaluation: Evaluation) -> Iterator[str]:
        """The plan of one flow, as Rich markup."""
        name, channel = flow.context.name, flow.context.channel
        c = report.flows[name]
        which = f"of {escape(name)}" if len(report.flows) > 1 else plan.fingerprint  # else all plans have one
        yield f"\n[bold]Plan {which}[/] for channel {escape(report.channel)}"
        yield (
            f"  read {c['read']:,} = skipped {c['skipped']:,} + withheld {c['withheld']:,} + create {c['create']:,} "
            f"+ update {c['update']:,} + unchanged {c['unchanged']:,}"
        )
        if also := words_of(channel, name).also(c):
            yield f"  {escape(also)}"
        if name == next(iter(report.flows)) and (read := describe_read(channel, report.facts.get("read", {}))):
            yield f"  {escape(read)}"
        if (evaluated_in := report.evaluated_in.get(name, report.run_id)) != report.run_id:
            yield f"  nothing has changed since run {evaluated_in}: its results are kept"
        rules = {rule.id: rule for rule in flow.rules}
        if len(evaluation.withheld):
            yield f"\n[bold]Withheld[/]  {c['withheld']:,}, {c['withheld_new']:,} new"
            yield from self._by_rule(rules, evaluation.withheld, name_codes=flow.kind == "window")
        if self.with_changes:
            yield from self._groups(flow, plan, evaluation.desired)
            yield from self._jumps(flow, plan, evaluation.desired)
            for action, title in (("create", "To create"), ("update", "To update")):
                yield from self._changes(flow, plan, evaluation.desired, action, title)
        if len(evaluation.warned):
            yield f"\n[bold]Warnings[/]  {len(evaluation.warned):,} (no row is withheld for these)"
            yield from self._by_rule(rules, evaluation.warned, name_codes=flow.kind == "window")

    def _by_rule(self, rules: Mapping[str, Rule], issues: pd.DataFrame, *, name_codes: bool) -> Iterator[str]:
        """A line per rule, the most frequent first, with the codes if they are few; with --all, the fix too."""
        groups = sorted(issues.groupby("rule", sort=True), key=lambda group: -len(group[1]))
        limit = len(groups) if self.show is None else MAX_RULES
        for name, rows in groups[:limit]:
            rule = rules[str(name)]
            codes = [code for code in dict.fromkeys(rows["code"]) if code]
            example = and_more(codes, len(codes)) if name_codes or len(codes) <= 2 else f"such as {codes[0]}"
            text = f"{rule.meaning}: {example}" if codes else rule.meaning
            yield f"  [yellow]{rule.id:9}[/] {len(rows):6,}  {escape(clean(text))}"
            if self.show is None:
                yield f"                    [dim]{escape(clean(rows['message'].iat[0]))}[/]"
                yield f"                    [dim]{escape(rule.fix)}[/]"
        if more := sum(len(rows) for _, rows in groups[limit:]):
            yield f"            {more:6,}  for other reasons ({len(groups) - limit}); --all shows them"

    def _groups(self, flow: Flow, plan: Plan, desired: pd.DataFrame) -> Iterator[str]:
        """How many changes each brand (or what the flow groups by) has, the most first."""
        words = flow.change_words
        if not words.group_by or len(plan.changes) <= 2 * SHOWN or words.group_by not in desired:
            return
        key = _key(flow)
        group_of = desired.set_index(key)[words.group_by]
        changes = plan.changes[["action", "key"]]
        groups = changes["key"].map(group_of).fillna("").replace("", f"no {words.group_title.lower()}")
        counts = pd.crosstab(groups, changes["action"]).reindex(columns=["create", "update"], fill_value=0)
        counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
        width = max(len(str(name)) for name in counts.index[:MAX_GROUPS])
        yield f"\n[bold]{words.group_title.ljust(width)}[/]  create  update"
        for name, create, update in counts.head(MAX_GROUPS).itertuples():
            yield f"{escape(clean(str(name).ljust(width)))}  {create:6,}  {update:6,}"
        if len(rest := counts.iloc[MAX_GROUPS:]):
            yield f"{f'{len(rest)} more'.ljust(width)}  {rest['create'].sum():6,}  {rest['update'].sum():6,}"

    def _jumps(self, flow: Flow, plan: Plan, desired: pd.DataFrame) -> Iterator[str]:
        """The largest changes of a price (or of what the flow names), up or down."""
        column = flow.change_words.jumps
        updates = plan.changes[plan.changes["action"] == "update"]
        if not column or updates.empty:
            return
        after, before = (_field(updates[side], column) for side in ("after", "before"))
        factor = pd.to_numeric(after, errors="coerce") / pd.to_numeric(before, errors="coerce")
        factor = factor[(factor > 0) & (factor < float("inf"))]
        factor = factor.where(factor >= 1, 1 / factor).sort_values(ascending=False, kind="stable")
        if factor.empty:
            return
        yield f"\n[bold]Largest changes of the {self._label(flow, column)}[/]"
        names = _names(flow, desired, list(updates.loc[factor.index[:MAX_JUMPS], "key"]))
        for index in factor.index[:MAX_JUMPS]:
            key = str(updates.at[index, "key"])
            old, new = (self._value(flow, column, side[index]) for side in (before, after))
            yield f"  {escape(clean(_titled(key, names)))}  {old} -> {new}"

    def _changes(self, flow: Flow, plan: Plan, desired: pd.DataFrame, action: str, title: str) -> Iterator[str]:
        rows = plan.changes[plan.changes["action"] == action]
        if rows.empty:
            return
        shown = rows if self.show is None else rows.head(self.show)
        of = f"  {len(rows):,}" if len(shown) == len(rows) else f"  {len(rows):,}, of which {len(shown)} are shown"
        yield f"\n[bold]{title}[/]{of}"
        names = _names(flow, desired, list(shown["key"]))
        for key, before, after in shown[["key", "before", "after"]].itertuples(index=False):
            new, old = decode_exact(after.encode()), decode_exact(before.encode())
            if action == "create":
                first, *below = flow.describe_create(new) or [self._summary(flow, new, names.get(key, ""))]
                yield f"  {escape(clean(f'{_titled(key, names)}  {first}'))}"
                yield from (f"      {escape(clean(line))}" for line in below)
            else:
                yield from self._updated(flow, _titled(key, names), old, new)

    def _summary(self, flow: Flow, new: Mapping[str, Any], name: str) -> str:
        """A new record in its summary columns, without its name, else in all columns."""
        summary = words_of(flow.context.channel, flow.context.name).summary
        known = [self._value(flow, field, new[field]) for field in summary if field in new and new[field] != name]
        return ", ".join(known or [f"{self._label(flow, field)}: {self._value(flow, field, value)}"
                                   for field, value in new.items()
                                   if field not in {_key(flow), *flow.change_words.internal}])  # fmt: skip

    def _updated(self, flow: Flow, title: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        """One field on the line of the row, several below it."""
        fields = [
            f"{self._label(flow, field)} {self._value(flow, field, old.get(field))} -> "
            f"{self._value(flow, field, value)}"
            for field, value in new.items()
            if field not in flow.change_words.internal
        ]
        if len(fields) == 1:
            yield f"  {escape(clean(f'{title}  {fields[0]}'))}"
            return
        limit = len(fields) if self.show is None else MAX_FIELDS
        more = f"  ({len(fields)} fields)" if len(fields) > limit else ""
        yield f"  {escape(clean(title + more))}"
        yield from (f"      {escape(clean(field))}" for field in fields[:limit])

    def _label(self, flow: Flow, field: str) -> str:
        return label(flow.change_words, field)

    def _value(self, flow: Flow, field: str, value: object) -> str:
        text = value_text(flow.change_words, field, value, flow.currency(flow.params))
        return text if field in flow.change_words.money or self.show is None or len(text) <= 40 else f"{text[:39]}…"


def next_steps(report: RunResult, words: Sequence[str], rate: float, requests: float) -> Iterator[str]:
    """What a plan would do, how long that takes, and the command that does exactly this.

    `words` are the command line of the plan; the changes take that many requests, at `rate` a second.
    """
    c = report.counts
    changes = [f"{c[name]:,} to {name}" for name in ("create", "update") if c[name]]
    withheld = f"; {c['withheld']:,} withheld, {c['withheld_new']:,} new" if c["withheld"] else ""
    if not changes:
        yield f"\n[bold]Nothing to change{withheld}.[/]"
        return
    takes = f" Applying takes {_duration(requests / rate)} at {rate:g} requests a second." if rate else ""
    yield f"\n[bold]{', '.join(changes)}{withheld}.[/]{takes}"
    push = shlex.join(["centra-myogo", "push", *words, "--expect", report.fingerprint])
    look = shlex.join(["centra-myogo", "report", *_without_selection(words), "--html", "plan.html"])
    yield f"Apply exactly this:  {escape(push)}"
    yield f"Look at all of it:   {escape(look)}"


def _without_selection(words: Sequence[str]) -> list[str]:
    """The command line without --flow and --sku, which `report` has not."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("--flow", "--sku"):
            skip = True
        elif word != "--full":
            kept.append(word)
    return kept


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(seconds, 1):.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def _key(flow: Flow) -> str:
    from pipelines.core.reference import import_string

    return str(import_string(flow.context.settings.contract).key)


def _names(flow: Flow, desired: pd.DataFrame, keys: list[str]) -> dict[str, str]:
    """The names of the rows: those that the flow knows, else those in its column `name`."""
    if known := dict(flow.names(keys)):
        return known
    if "name" not in desired:
        return {}
    rows = desired[desired[_key(flow)].isin(keys)]
    return dict(zip(rows[_key(flow)], rows["name"].fillna(""), strict=True))


def _titled(key: str, names: Mapping[str, str]) -> str:
    return f"{key}  {names[key]}" if names.get(key) else key


def _field(objects: pd.Series, name: str) -> pd.Series:
    """A field of JSON objects, as text; missing where an object has none."""
    values = [decode_exact(text.encode()).get(name) if f'"{name}"' in text else None for text in objects]
    return pd.Series([None if value is None else str(value) for value in values], index=objects.index, dtype="str")


def clean(text: object, max_length: int = 300) -> str:
    """Vendor text on one line, without characters that control a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text))[:max_length]
