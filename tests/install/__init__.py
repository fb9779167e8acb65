"""The wheel, installed into an empty environment and used from an empty folder."""
