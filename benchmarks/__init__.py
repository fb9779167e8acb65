"""How fast, how much memory, how many requests: this project beside what people would use instead.

`make bench` runs it; benchmarks/README.md says what is measured and what the figures mean. No test imports this.
"""
