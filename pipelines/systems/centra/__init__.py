"""Centra's Order API."""
