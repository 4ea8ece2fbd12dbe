"""A target of another package: exports a pipeline to a shell script, one command per macro-task.

:mod:`.target` makes the files; ``python -m synaflow_sh`` is what the script calls.
"""
