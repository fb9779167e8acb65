"""The orders flow: its contract, its rules and its messages."""
