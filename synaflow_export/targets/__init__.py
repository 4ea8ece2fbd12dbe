"""Orchestrators that a plan can be turned into, one module each.

The base class and the way to find one are in :mod:`synaflow_export.target`.
"""
