"""The two HTTP servers, their state and their control endpoint."""
