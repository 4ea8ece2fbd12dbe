"""Dagster. :mod:`.target` is the target; nothing here is imported on workers."""
