"""The stand-in myOGO."""
