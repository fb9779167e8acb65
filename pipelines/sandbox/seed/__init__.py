"""The products of a sandbox at its start, and its sample orders."""
