"""dlt sources: what each system lists, mirrored into DuckDB as Arrow tables."""
