"""The steps of a run: extract, plan, limits, push. Names no vendor and no flow."""
