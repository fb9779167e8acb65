"""Webhooks as hints: both systems' messages say when to look, and never what is true."""
