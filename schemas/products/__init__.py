"""The products flow: its contract, its rules and its messages."""
