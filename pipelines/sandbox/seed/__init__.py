"""What a sandbox holds at its start."""
