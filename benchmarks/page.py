"""benchmarks/RESULTS.md and its plot, made from the results of the races."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from typing import Any

HEAD = """\
# Results

Written by `make bench`; do not edit. One machine ({cpus} cores shared with the server, Python {python}, {on}), every
contestant in its own process against the same pages, in turn; *seconds* is the median of the work without imports,
*ratio* the median of the rounds' ratios to the first line (lowest to highest), *process* the complete process, *peak*
its largest memory. Read the ratios: the seconds are this machine's.

![The ratios to the floors, on a logarithmic scale](plot.svg)
"""


_BAR, _WIDE, _LEFT = 22, 460, 300
_COLOURS = ("#b9c4cf", "#1f7a5c", "#7d8da0")


def plot(results: dict[str, Any]) -> str:
    """The ratios of the races as bars on a logarithmic scale, one SVG; ours are green, the floors pale."""
    rows: list[tuple[str, str, float]] = []
    for key in sorted((k for k in results if k.split()[0] in ("stage", "plan")), key=lambda k: (k[0] != "s", len(k))):
        kind, sizes = key.split()
        rows.append((f"{'Staging' if kind == 'stage' else 'A plan'}, {int(sizes):,} sizes", "", 0.0))
        for module, one in sorted(results[key]["contestants"].items(), key=lambda pair: pair[1].get("ratio", [0])[0]):
            if not one["failed"]:
                words = one["words"].replace("*", "").replace("`", "")
                rows.append(
                    (words, _COLOURS[0 if "floor" in module else 1 if "ours" in module else 2], one["ratio"][0])
                )
    largest = math.log(max((ratio for *_, ratio in rows), default=1.0) * 1.1)
    bars = []
    for number, (words, colour, ratio) in enumerate(rows):
        y = 6 + number * _BAR
        if not colour:
            bars.append(f'<text x="6" y="{y + 15}" font-weight="bold">{escape(words)}</text>')
            continue
        length = 2 + max(0.0, math.log(max(ratio, 0.01))) / largest * _WIDE
        bars.append(
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(words[:48])}</text>'
            f'<rect x="{_LEFT}" y="{y + 3}" width="{length:.0f}" height="{_BAR - 7}" fill="{colour}"/>'
            f'<text x="{_LEFT + length + 6:.0f}" y="{y + 15}">{ratio:.2f} x</text>'
        )
    width, height = _LEFT + _WIDE + 80, 12 + len(rows) * _BAR
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="{width}" height="{height}" fill="white"/>'
        + "\n".join(bars)
        + "</svg>\n"
    )


def page(results: dict[str, Any]) -> str:
    parts = [HEAD.format(**results["machine"])]
    for kind, words in (("stage", "Staging Centra's products, prices and stock"), ("plan", "A complete plan")):
        for key in sorted((k for k in results if k.startswith(f"{kind} ")), key=lambda k: int(k.split()[1])):
            parts.append(_race(f"{words}: {int(key.split()[1]):,} sizes", results[key]))
            if more := results[key].get("peak_mb with half of the rows failing"):
                parts.append(f"With half of the rows failing a plan peaks at {more:,} MB.\n")
    if "push" in results:
        parts.append(_race("Push: 2,000 products created", results["push"]))
    if rate := results.get("rate"):
        parts.append(
            "## An allowed rate that binds\n\n| | requests a second | used (median) | lowest |\n|---|---:|---:|---:|\n"
            + "".join(
                f"| {name} | {one['allowed']:.0f} | {one['share']:.1%} | {one['lowest']:.1%} |\n"
                for name, one in rate.items()
            )
        )
    if idle := results.get("idle"):
        named = {
            "imports": "the imports alone: dlt, duckdb, pandas, pandera",
            "full": '`centra-myogo push`, `refresh = "full"`',
            "full warm": "the same push, forked by `serve`",
            "changes": '`centra-myogo push`, `refresh = "changes"`',
            "changes warm": "the same push, forked by `serve`",
        }
        parts.append(
            "## A push with nothing to do: 3,000 sizes\n\nProcessor time of the complete process and its children.\n\n"
            "| | CPU seconds | ratio |\n|---|---:|---:|\n"
            + "".join(
                f"| {words} | {idle[name]['cpu_s']:.2f} | {idle[name]['ratio'][0]:.2f} "
                f"({idle[name]['ratio'][1]:.2f} to {idle[name]['ratio'][2]:.2f}) |\n"
                for name, words in named.items()
                if name in idle
            )
        )
    if found := results.get("pages"):
        parts.append(
            "## A page of `serve`\n\nMilliseconds through HTTP, both channels in one server, in turn. The first "
            "request of a filter or an order sorts or counts once per published file.\n\n"
            "| Page | 10,000 rows | 1,000,000 rows | ratio | first request of 1,000,000 |\n|---|---:|---:|---:|---:|\n"
            + "".join(
                f"| {kind} | {small:.1f} | {large:.1f} | {large / small:.2f} | {first:,.0f} |\n"
                for kind, (small, large, first) in found.items()
            )
        )
    if found := results.get("channels"):
        parts.append(
            "## Many channels in one `serve`\n\nEach of 3,000 sizes, nothing to do, due every minute; both stand-ins "
            "share the two processors. CPU seconds of a run have the share of `serve` itself. Memory is that of all "
            "processes, pages that they share counted once.\n\n"
            "| Channels | runs a minute | CPU seconds of a run | processors used | peak MB | first page, s "
            "| all read for the first time, s |\n|---:|---:|---:|---:|---:|---:|---:|\n"
            + "".join(
                f"| {one['channels']:,} | {one['runs_per_minute']:.0f} | {one['cpu_s_per_run'] or 0:.2f} "
                f"| {one['cpu_share']:.2f} | {one['peak_mb']:,} | {one['first_page_s']:.3f} "
                f"| {one['first_read_s']:.0f} |\n"
                for one in found
            )
        )
    if growth := [*_growth(results)]:
        parts.append(
            "## Growth\n\nThe exponent between two numbers: 1 is linear, 0 is no growth.\n\n"
            "| | from | to | seconds | peak memory |\n|---|---:|---:|---:|---:|\n" + "".join(growth)
        )
    if suites := results.get("suites"):
        parts.append(
            "## The test suites\n\nProcessor time of all processes, also in multiples of the imports above, measured "
            "together.\n\n| Suite | CPU seconds | imports | measured on |\n|---|---:|---:|---|\n"
            + "".join(
                f"| `make {name}` | {one['cpu_s']:,} | {one['imports']:,} | {one['on']} |\n"
                for name, one in suites.items()
            )
        )
    if start := results.get("start"):
        parts.append(
            "## Starting\n\n| Command | Seconds, the complete process |\n|---|---:|\n"
            + "".join(f"| `centra-myogo {name}` | {seconds:.2f} |\n" for name, seconds in start.items())
        )
    return "\n".join(parts)


def _growth(results: dict[str, Any]) -> Iterator[str]:
    """A line for each of our contestants and of the numbers of channels, from each measured size to the next."""
    for kind in ("stage", "plan"):
        sizes = sorted(int(key.split()[1]) for key in results if key.startswith(f"{kind} "))
        for small, large in pairwise(sizes):
            before, after = (results[f"{kind} {size}"]["contestants"] for size in (small, large))
            for module in before:
                if module.startswith("ours") and "seconds" in before[module] and "seconds" in after.get(module, {}):
                    words = before[module]["words"].replace("*", "")
                    exponents = [
                        _exponent(small, large, before[module][what], after[module][what])
                        for what in ("seconds", "peak_mb")
                    ]
                    yield f"| {words} | {small:,} | {large:,} | {exponents[0]} | {exponents[1]} |\n"
    for before, after in pairwise(results.get("channels", [])):
        few, many = before["channels"], after["channels"]
        page, memory = (_exponent(few, many, before[what], after[what]) for what in ("first_page_s", "peak_mb"))
        yield f"| the first page of `serve`, all processes | {few:,} channels | {many:,} | {page} | {memory} |\n"


def _exponent(small: float, large: float, before: float, after: float) -> str:
    return f"{math.log(after / before) / math.log(large / small):.2f}"


def _race(title: str, race: dict[str, Any]) -> str:
    lines = [f"## {title}\n", "| | rounds | seconds | ratio | process | peak MB | what it does not do |"]
    lines.append("|---|---:|---:|---:|---:|---:|---|")
    for one in race["contestants"].values():
        if one["failed"]:
            lines.append(f"| {one['words']} | | | | | | failed: {one['failed']} |")
            continue
        median, lowest, highest = one["ratio"]
        lines.append(
            f"| {one['words']} | {one['rounds']} | {one['seconds']:.2f} | {median:.2f} ({lowest:.2f} to {highest:.2f}) "
            f"| {one['process']:.2f} | {one['peak_mb']:,.0f} | {one['cannot']} |"
        )
    return "\n".join(lines) + "\n"
