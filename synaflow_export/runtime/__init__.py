"""What generated files call on a worker: the only part of this package that runs there.

One module per orchestrator; :mod:`.running` (one macro-task), :mod:`.shards`,
:mod:`.exported` (what was exported, and the user's code), :mod:`.rollback` (undoing a run),
:mod:`.storage` (where datasets go), :mod:`.progress` (what the log says) and :mod:`.retry` (which
failures are worth another try) are shared by them.
"""
