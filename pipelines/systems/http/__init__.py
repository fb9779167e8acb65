"""HTTP for the clients of all vendors: the only code that imports `requests`."""
