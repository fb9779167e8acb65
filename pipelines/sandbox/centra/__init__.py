"""The stand-in Centra."""
