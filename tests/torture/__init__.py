"""Fault injection: after any failure, one more run of the same command brings both systems to the expected state.

Each *cell* is one fault at one place of a run. `make test` runs the cells marked quick; `make torture` runs all of
them and writes docs/torture.md.
"""
