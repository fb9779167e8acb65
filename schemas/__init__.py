"""What data must be. No I/O."""
