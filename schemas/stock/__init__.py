"""The stock flow: its contract, its rules and its messages."""
