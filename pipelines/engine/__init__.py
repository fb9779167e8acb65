"""The line, in order: extract, plan, limits, push. Names no vendor and no flow."""
