"""Benchmarks that a person can rerun: `python -m bench.NAME --help`, or all of them by `make bench`.

Each makes its input from a seed, measures every path in a fresh process, and prints the paths side by side.
"""
