"""The promise under torture: after any failure, the same command again brings myOGO to what the catalogue asks for.

Each *cell* is one failure at one place of a run. `make test` runs the cells marked quick; `make torture` runs them
all and writes docs/torture.md.
"""
