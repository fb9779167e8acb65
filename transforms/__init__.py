"""Pure pandas functions from frames and parameters to frames. No clock, network, database or environment."""
