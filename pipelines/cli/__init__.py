"""The command line: verbs, options, exit codes. Each module adds its verbs to `app`."""

from pipelines.cli import history_verbs, init_verb, local_verbs, password_verb, report_verbs, run_verbs
from pipelines.cli.common import app

__all__ = ["app", "history_verbs", "init_verb", "local_verbs", "password_verb", "report_verbs", "run_verbs"]
