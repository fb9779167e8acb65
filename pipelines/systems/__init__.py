"""The systems at both ends: one folder per vendor, and the code that they share."""
