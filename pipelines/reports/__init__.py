"""Views of a run: terminal, JSON, HTML, Markdown, CSV, Parquet, Data Docs."""
