"""The channel file: parsed and typed, every complaint with file and key."""
