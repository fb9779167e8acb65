"""The systems at both ends: a folder a vendor, and what they share."""
