"""Small pipelines with what comes out of them, for every way in which a pipeline can be run.

``pipes/`` has one file per scenario, written as a user would; :mod:`.catalogue` says with which
params each runs and what must come out. ``tests/conformance`` runs all of them everywhere.
"""
