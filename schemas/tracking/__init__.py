"""The tracking flow: its contract, its rules and its messages."""
