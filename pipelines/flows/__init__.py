"""One module per flow: what is selected, withheld and desired, with its limits, settings and retention."""
