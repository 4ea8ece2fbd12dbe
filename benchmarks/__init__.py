"""Measurements against plain Python; ``python -m benchmarks`` writes them to results.md.

Every module here with a function ``results() -> list[dict]`` takes part. A row has the keys
``what``, ``ours``, ``baseline``, ``ratio`` and ``target``; ratios are taken side by side.
"""
