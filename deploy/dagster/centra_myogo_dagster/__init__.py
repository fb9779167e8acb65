"""The channels of a project in Dagster. Every run is the command line's; nothing of it is imported here.

Only `definitions` and `events` import Dagster.
"""
