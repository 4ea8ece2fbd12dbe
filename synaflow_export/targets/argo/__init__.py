"""Argo Workflows. :mod:`.target` is the target; what its pods run is ``runtime/argo.py``."""
