"""Errors, logs, redaction, JSON, background work, signals, failpoints. Imports no other package of the project."""
