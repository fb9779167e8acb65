"""OGOship's myOGO, open API v1."""
