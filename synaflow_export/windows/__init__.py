"""Windows of time: a run for each hour, day, week or month, whose params say which.

:mod:`.choice` reads the options, :mod:`.calendar` knows when windows begin and end, :mod:`.binding`
which params take that and what the datasets of a window are called. Used when a pipeline is
exported, on workers, and by ``synaflow-export backfill``; pure.
"""
