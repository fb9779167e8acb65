"""One file a flow: what is selected, withheld and desired, with its limits, settings and retention."""
