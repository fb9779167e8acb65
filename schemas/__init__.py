"""Contracts, rules and messages for data. No I/O."""
