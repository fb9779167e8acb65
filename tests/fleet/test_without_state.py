"""A channel without `[state]` imports nothing of this."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys
import pipelines.cli, pipelines.config.load, pipelines.engine.run, pipelines.engine.preflight
sys.exit(" ".join(name for name in sys.modules if name.startswith(("pipelines.fleet", "psycopg", "obstore"))) or 0)
"""


def test_the_modules_of_a_run_do_not_import_the_packages_of_a_fleet() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
