"""This project's push of a complete plan: journal, look-up before each create, each outcome; only the push is timed."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants import ours_plan


def work(job: dict[str, Any]) -> dict[str, Any]:
    counts = ours_plan.work(job | {"verb": "push"})
    return {"applied": counts["applied"], "requests": 2 * counts["applied"], "step_s": counts["seconds"]["push"]}
