"""Pure pandas: frames and parameters in, frames out. No clock, network, database or environment."""
