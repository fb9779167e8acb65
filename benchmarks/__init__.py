"""Speed, memory and requests of this project, compared with the alternatives.

`make bench` runs it; benchmarks/README.md explains what is measured and what the figures mean. Tests import only the
simulation of a fleet, which measures nothing.
"""
