"""Each module does one job in one way: `work(job)` returns what it brought about.

A job has the shop's addresses and secrets, `folder` (empty, its own), and what the kind of job needs besides.
"""
