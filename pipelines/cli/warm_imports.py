"""What every run imports. A process that imports this module is ready to be forked into runs."""

from __future__ import annotations

import atexit
import gc
import importlib
import pkgutil
import signal
import sys
from collections.abc import Iterator

import pandas as pd
import pandera.pandas as pandera

import pipelines.engine
import pipelines.flows
import pipelines.reports
import pipelines.state
import pipelines.systems
import schemas
import transforms

_ROOMS = (
    pipelines.engine, pipelines.flows, pipelines.reports, pipelines.state, pipelines.systems, schemas, transforms,
)  # fmt: skip
# Our modules import these where they are needed, so that a short verb starts fast.
_LAZY = (
    "great_expectations", "requests", "rich.progress", "dlt.destinations.impl.duckdb.duck", "dlt.common.libs.pyarrow",
    "dlt.sources.helpers.requests",
)  # fmt: skip


def _modules() -> Iterator[str]:
    yield "pipelines.__main__"
    yield "pipelines.cli"
    for room in _ROOMS:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            yield module.name
    yield from _LAZY


# The process itself lives until its parent has ended, so that it can report how each run ended. Its forks unblock it.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
for _name in _modules():
    importlib.import_module(_name)
pandera.DataFrameSchema().validate(pd.DataFrame())  # imports its checks at the first call
SEARCH_PATH = tuple(sys.path)
gc.collect()
gc.freeze()  # or each collection of a run would copy the pages of all these modules
atexit.register(gc.unfreeze)  # or DuckDB reports each of its objects as a leak when the process ends
