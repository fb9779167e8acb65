"""The boundary: the only code that speaks HTTP."""
