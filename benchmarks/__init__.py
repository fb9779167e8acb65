"""Speed, memory and requests of this project, compared with the alternatives.

`make bench` runs it; benchmarks/README.md explains what is measured and what the figures mean. No test imports this.
"""
