"""This project's push of a whole plan: journal, look-up before each create, each outcome; that step alone is timed."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants import ours_plan


def work(job: dict[str, Any]) -> dict[str, Any]:
    did = ours_plan.work(job | {"verb": "push"})
    return {"applied": did["applied"], "requests": 2 * did["applied"], "step_s": did["seconds"]["push"]}
