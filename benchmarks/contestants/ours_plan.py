"""This project's complete plan: both sides read, staged, transformed, validated, compared, published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.config.channel import Channel
from pipelines.config.load import load
from pipelines.engine.run import RunOptions, run
from pipelines.reports.console import SilentReporter


def work(job: dict[str, Any]) -> dict[str, Any]:
    report = run(channel_of(job), Path(job["folder"]) / "data", RunOptions(job.get("verb", "plan")), SilentReporter())
    assert report.exit_code in (0, 3), report.message
    names = ("read", "withheld", "unchanged", "create", "update", "applied")
    return {name: report.counts[name] for name in names} | {
        "seconds": report.facts["seconds"],
        "requests": {name: side["requests"] for name, side in report.facts["health"].items()},
    }


def channel_of(job: dict[str, Any]) -> Channel:
    file = Path(job["folder"]) / "demo.toml"
    file.write_text(job["channel"], "utf-8")
    return load(str(file))
