"""Prefect 3. :mod:`.target` is the target."""
