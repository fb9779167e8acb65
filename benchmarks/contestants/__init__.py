"""Each module does one job in one way: `work(job)` returns counts of what it wrote.

A job holds the shop's addresses and secrets, an empty `folder`, and what this kind of job also needs.
"""
