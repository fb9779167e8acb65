"""The ground floor: errors, logs, redaction, JSON, background work, signals, failpoints. Imports no other room."""
