"""One push as a step of Dagster: starts it, and turns its end into results of the channel's assets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from centra_myogo_dagster import outcomes, published
from centra_myogo_dagster.channel_files import ChannelFile
from centra_myogo_dagster.command import Finished, push_words, run
from centra_myogo_dagster.outcomes import Then
from centra_myogo_dagster.settings import Settings

CHANNEL_TAG = "centra_myogo/channel"
CENTRA_TAG = "centra_myogo/centra"
MACHINE_TAG = "centra_myogo/machine"
SEEN_TAG = "centra_myogo/seen_at"
SCHEDULE_TAG = "centra_myogo/schedule"
FLOWS_TAG = "centra_myogo/flows"
FULL_TAG = "centra_myogo/full"
CHECKS = {
    "rules": "No row of the flow is withheld by a rule.",
    "catalogue_checks": "The rows that were read look like this shop.",
    "attention": "Nothing is new that somebody should fix: the run of this flow ended with exit 0, not 3.",
}
WITHOUT_CATALOGUE = ("orders", "tracking", "stock")


def checks_of(flow: str) -> dict[str, str]:
    """The checks of a flow, each with its meaning."""
    return {
        name: meaning for name, meaning in CHECKS.items() if name != "catalogue_checks" or flow not in WITHOUT_CATALOGUE
    }


@dataclass(frozen=True)
class CheckResult:
    """Whether one of CHECKS passed, and what it found."""

    name: str
    passed: bool
    metadata: dict[str, Any]


@dataclass(frozen=True)
class FlowResult:
    """What a push did for one flow."""

    flow: str
    metadata: dict[str, Any]
    checks: list[CheckResult]


def push(context: Any, settings: Settings, channel: ChannelFile, flows: Sequence[str]) -> Iterator[FlowResult]:
    """The results of each flow; none if another run has the channel. Raises dagster.Failure and RetryRequested."""
    requested_by = published.REQUESTED_BY + context.run_id[:8]
    chosen = [] if set(flows) == set(channel.flows) else flows
    full = FULL_TAG in context.run.tags
    words = push_words(settings, channel.path, chosen, full=full, requested_by=requested_by)

    def beat() -> None:
        with contextlib.suppress(Exception):  # without Dagster's storage for a moment, the push goes on
            context.instance.add_run_tags(context.run_id, {SEEN_TAG: datetime.now(UTC).isoformat(timespec="seconds")})

    context.instance.add_run_tags(context.run_id, {MACHINE_TAG: settings.machine})
    finished = run(words, beat, settings.beat_s)
    for line in finished.stderr.splitlines():
        context.log.info(line)
    outcome = outcomes.outcome_of(finished, context.retry_number)
    metadata = {"exit_code": finished.code, "run_id": finished.document.get("run_id", "")}
    match outcome.then:
        case Then.NOTHING:
            context.log.info(outcome.message)
        case Then.FAIL:
            raise dg.Failure(outcome.message, metadata=metadata, allow_retries=False)
        case Then.RETRY:
            context.log.warning(outcome.message)
            raise dg.RetryRequested(outcomes.RETRIES, settings.retry_s) from dg.Failure(outcome.message)
        case Then.MATERIALIZE:
            yield from _results(finished.document, settings.machine, _quality(context, settings, channel, finished))


def _quality(context: Any, settings: Settings, channel: ChannelFile, finished: Finished) -> published.Quality:
    """What the run found. If the published file cannot be read, the push was good all the same: that is a warning."""
    file = published.published_file(settings.data, channel.name)
    try:
        return published.quality_of(file, finished.document["run_id"])
    except Exception as error:
        context.log.warning(f"{file} cannot be read, so there are no rules and catalogue checks: {error}")
        return published.Quality({}, {}, set())


def _results(document: dict[str, Any], machine: str, quality: published.Quality) -> Iterator[FlowResult]:
    attention = outcomes.needs_attention(document)
    for flow, counts in document["flows"].items():
        withheld, not_passed = quality.withheld.get(flow, {}), quality.not_passed.get(flow, [])
        checks = [
            CheckResult("rules", not counts["withheld"], {"withheld": counts["withheld"], **withheld}),
            CheckResult(
                "attention",
                flow not in attention,
                {name: counts[name] for name in ("withheld_new", "refused", "unknown")},
            ),
        ]
        if flow in quality.checked:
            found = {one.id: f"{one.status}: {one.message}" for one in not_passed}
            checks.append(CheckResult("catalogue_checks", not not_passed, found))
        metadata = {"run_id": document["run_id"], "fingerprint": document["fingerprint"], "machine": machine, **counts}
        yield FlowResult(flow, metadata, checks)
