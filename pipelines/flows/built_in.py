"""The flows that we know, in the order of the goods, and the code that each of them names."""

from __future__ import annotations

BUILT_IN_FLOWS: dict[str, dict[str, str]] = {
    "products": {
        "from": "centra",
        "to": "myogo",
        "extract": "pipelines.sources.centra:centra",
        "live": "pipelines.sources.myogo:myogo",
        "transform": "transforms.products:to_myogo",
        "contract": "schemas.myogo:PRODUCT",
        "target": "pipelines.targets.myogo:Products",
        "judge": "pipelines.flows.products:Products",
    },
    "stock": {
        "from": "myogo",
        "to": "centra",
        "extract": "pipelines.sources.myogo:myogo",
        "live": "pipelines.sources.centra:centra",
        "transform": "transforms.stock:to_centra",
        "contract": "schemas.stock:LEVEL",
        "target": "pipelines.targets.centra:Levels",
        "judge": "pipelines.flows.stock:Stock",
    },
}
