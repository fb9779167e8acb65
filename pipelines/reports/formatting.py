"""Formats values for reports: times, ages, sums, and vendor text with its invisible characters shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup


def outcome(name: str, target: str) -> str:
    """The outcome of a change, in words."""
    return {
        "applied": "written",
        "refused": f"refused by {target}",
        "unknown": "unknown: no answer came",
        "not_attempted": "not attempted",
    }.get(name, name)


def unchanged_since(run_id: str | None) -> str:
    """What follows a result that a run has kept from an earlier run."""
    return f" (unchanged since run {run_id})" if run_id else ""


def when(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def local_time(moment: datetime | None, zone: ZoneInfo | None) -> str:
    """A moment (UTC, without an offset) in the shop's zone with UTC in brackets, as a `<time>` element; in UTC alone if
    the zone is not known."""
    if moment is None:
        return "never"
    text = when(moment)
    if zone is not None:
        here = moment.replace(tzinfo=UTC).astimezone(zone)
        utc = f"{moment:%H:%M} UTC" if here.date() == moment.date() else text
        text = f"{here:%Y-%m-%d %H:%M} {city(zone)} ({utc})"
    return Markup('<time datetime="{}Z">{}</time>').format(f"{moment:%Y-%m-%dT%H:%M:%S}", text)


def day(moment: datetime, zone: ZoneInfo | None) -> str:
    """The day of a moment (UTC, without an offset) in the shop's zone."""
    return f"{moment.replace(tzinfo=UTC).astimezone(zone or UTC):%Y-%m-%d}"


def city(zone: ZoneInfo) -> str:
    """The zone's city, such as Stockholm of Europe/Stockholm."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def age(moment: datetime | None, now: datetime) -> str:
    """The age of a value from `moment`, in minutes, hours or days."""
    if moment is None:
        return "of unknown age"
    old = max(now - moment, timedelta())
    if old < timedelta(hours=1):
        return f"{old // timedelta(minutes=1)} min"
    if old < timedelta(days=2):
        return f"{old // timedelta(hours=1)} h"
    return f"{old.days} days"


def number(value: float | None) -> str:
    """With at most four decimals."""
    return "" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def visible(text: object) -> str:
    """Vendor text with its invisible and control characters shown as code points."""
    return "".join(
        c if c.isprintable() or c == "\n" else f"\N{LEFT CEILING}U+{ord(c):04X}\N{RIGHT CEILING}" for c in str(text)
    )


def clean(text: object) -> str:
    """Vendor text on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def sentence(text: str) -> str:
    """The text with a capital letter, except if the first word is a name with one inside."""
    first = text.split(" ", 1)[0]
    return text if first[1:] != first[1:].lower() else text[:1].upper() + text[1:]


def short(text: str, max_length: int = 160) -> str:
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def sums(c: dict[str, int], verb: str) -> list[str]:
    """The sums of a flow in words; only a push has the second."""
    lines = [
        f"read {c['read']:,} = skipped {c['skipped']:,} + withheld {c['withheld']:,} + create {c['create']:,} "
        f"+ update {c['update']:,} + unchanged {c['unchanged']:,}"
    ]
    if verb == "push":
        lines.append(
            f"create {c['create']:,} + update {c['update']:,} = applied {c['applied']:,} + refused {c['refused']:,} "
            f"+ unknown {c['unknown']:,} + not attempted {c['not_attempted']:,}"
        )
    return lines
