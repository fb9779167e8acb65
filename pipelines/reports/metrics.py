"""The last run as metrics in the text format of Prometheus, for a node exporter's textfile collector."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pipelines.core.errors import ConfigError
from pipelines.reports.model import Facts

_COUNTS = ("read", "withheld", "withheld_new", "create", "update", "applied", "refused", "unknown")


def write_metrics(facts: Facts, path: Path) -> Path:
    """Replaces the file in one step. Raises ConfigError if it cannot be written."""
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    run = facts.run

    def gauge(name: str, text: str, value: float) -> None:
        labelled = Gauge(f"centra_myogo_{name}", text, ["channel"], registry=registry)
        labelled.labels(channel=run.channel).set(value)

    gauge("last_run_timestamp_seconds", "Start of the last run (Unix time).", _unix(run.started_at))
    gauge("last_run_exit_code", "Exit code of the last run.", run.exit_code)
    good = facts.last_good_push
    last_push = _unix(good) if good else 0
    gauge("last_good_push_timestamp_seconds", "Start of the last push that ended with 0 or 3 (0 for none).", last_push)
    if run.ended_at is not None:
        gauge("last_run_seconds", "Duration of the last run.", (run.ended_at - run.started_at).total_seconds())
    rows = Gauge("centra_myogo_rows", "Rows of the last run.", ["channel", "flow", "count"], registry=registry)
    for flow, counts in run.flows.items():
        for name in _COUNTS:
            rows.labels(channel=run.channel, flow=flow, count=name).set(counts[name])
    requests = Gauge("centra_myogo_requests", "Requests of the last run.", ["channel", "system"], registry=registry)
    for system, health in run.facts.get("health", {}).items():
        requests.labels(channel=run.channel, system=system).set(health.get("requests", 0))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.", "Choose another path.") from error
    return path


def _unix(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
