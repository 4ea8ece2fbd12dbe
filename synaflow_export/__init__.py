"""Exports SynaFlow pipelines to orchestrators; the command line is :mod:`synaflow_export.cli`."""

__version__ = "0.1.0"
