"""benchmarks/RESULTS.md, of what the races told."""

from __future__ import annotations

from typing import Any

HEAD = """\
# Results

Written by `make bench`; do not edit. One machine ({cpus} cores shared with the server, Python {python}, {on}), every
contestant in a process of its own against the same pages, in turn; *seconds* is the median of the work without
imports, *ratio* the median of the rounds' ratios to the first line (lowest to highest), *process* the whole process,
*peak* its largest memory. Read the ratios: the seconds are this machine's.
"""


def page(results: dict[str, Any]) -> str:
    parts = [HEAD.format(**results["machine"])]
    for kind, words in (("stage", "Staging Centra's products, prices and stock"), ("plan", "A whole plan")):
        for key in sorted((k for k in results if k.startswith(f"{kind} ")), key=lambda k: int(k.split()[1])):
            parts.append(_race(f"{words}: {int(key.split()[1]):,} sizes", results[key]))
            if more := results[key].get("peak_mb with half of the rows failing"):
                parts.append(f"With half of the rows failing a plan peaks at {more:,} MB.\n")
    if "push" in results:
        parts.append(_race("Push: 2,000 products created", results["push"]))
    if rate := results.get("rate"):
        parts.append(
            f"## An allowed rate that binds\n\nOf {rate['allowed']:.0f} requests a second a push used "
            f"{rate['share']:.1%} (median; lowest {rate['lowest']:.1%}).\n"
        )
    if start := results.get("start"):
        parts.append(
            "## Starting\n\n| Command | Seconds, the whole process |\n|---|---:|\n"
            + "".join(f"| `centra-myogo {name}` | {seconds:.2f} |\n" for name, seconds in start.items())
        )
    return "\n".join(parts)


def _race(title: str, race: dict[str, Any]) -> str:
    lines = [f"## {title}\n", "| | rounds | seconds | ratio | process | peak MB | what it does not do |"]
    lines.append("|---|---:|---:|---:|---:|---:|---|")
    for one in race["contestants"].values():
        if one["failed"]:
            lines.append(f"| {one['words']} | | | | | | failed: {one['failed']} |")
            continue
        middle, low, high = one["ratio"]
        lines.append(
            f"| {one['words']} | {one['rounds']} | {one['seconds']:.2f} | {middle:.2f} ({low:.2f} to {high:.2f}) "
            f"| {one['process']:.2f} | {one['peak_mb']:,.0f} | {one['cannot']} |"
        )
    return "\n".join(lines) + "\n"
