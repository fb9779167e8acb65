"""The rules, tables and views that all built-in flows and systems declare."""

from __future__ import annotations

from pipelines.config.channel import database_schema
from pipelines.config.registry import BUILTIN_FLOWS, BUILTIN_SYSTEMS
from pipelines.core.reference import import_string
from pipelines.engine.flow import Flow
from pipelines.state.run_tables import RUN_TABLES, run_views
from pipelines.systems.system import System
from schemas.rule import Rule

FLOWS: dict[str, type[Flow]] = {name: import_string(reference) for name, reference in BUILTIN_FLOWS.items()}
SYSTEMS: dict[str, System] = {name: import_string(reference) for name, reference in BUILTIN_SYSTEMS.items()}
RULES: dict[str, Rule] = {rule.id: rule for flow in FLOWS.values() for rule in flow.rules}
SCHEMA = database_schema(FLOWS, SYSTEMS)
MIRRORS = SCHEMA.mirrors
TABLES = (*RUN_TABLES, *SCHEMA.tables)
VIEWS = (*run_views(SCHEMA.row_words), *SCHEMA.views)
