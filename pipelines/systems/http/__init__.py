"""HTTP as every vendor's client speaks it: the only code that imports `requests`."""
