"""Benchmarks: what a call through Pointsman costs, as ratios to a reference in the same run."""
