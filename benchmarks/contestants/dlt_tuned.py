"""The same with dlt's documented speed settings: Parquet load files, larger buffers, garbage collector off."""

from __future__ import annotations

import gc
import os
from typing import Any

from benchmarks.contestants import dlt_as_documented


def work(job: dict[str, Any]) -> dict[str, int]:
    os.environ |= {
        "DATA_WRITER__BUFFER_MAX_ITEMS": "100000",
        "NORMALIZE__WORKERS": "2",
        "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "200000",
    }
    gc.disable()
    return dlt_as_documented.work(job, loader_file_format="parquet")
