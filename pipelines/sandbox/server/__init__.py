"""The two HTTP servers, their state and the control endpoint."""
