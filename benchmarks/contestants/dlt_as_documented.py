"""dlt's `rest_api` source as its documentation shows it: resources, a selector, the default load format."""

from __future__ import annotations

import os
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source


def work(job: dict[str, Any], **load: Any) -> dict[str, int]:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    source = rest_api_source(
        {
            "client": {
                "base_url": job["centra_url"] + "/",
                "headers": {"API-Authorization": job["centra_token"]},
                "paginator": {"type": "json_link", "next_url_path": "next"},
            },
            "resource_defaults": {"endpoint": {"params": {"limit": 100}, "data_selector": "products"}},
            "resources": [
                {"name": "products", "endpoint": {"path": "products"}},
                {"name": "stock", "endpoint": "stock"},
            ],
        }
    )
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.duckdb(f"{job['folder']}/dlt.duckdb"),
        dataset_name="centra",
        pipelines_dir=f"{job['folder']}/dlt",
    )
    pipeline.run(source, **load)
    with pipeline.sql_client() as sql:
        count = {"products": "products", "prices": "products__prices", "stock": "stock"}
        return {name: sql.execute_sql(f"select count(*) from {table}")[0][0] for name, table in count.items()}
