"""The state that a channel keeps between runs: DuckDB, journal, histories, lock."""
