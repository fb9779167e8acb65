"""Each vendor's fields: their names, their kinds, and which of them are required."""
