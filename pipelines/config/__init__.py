"""The channel file: parsed and typed. Every error message names the file and the key."""
