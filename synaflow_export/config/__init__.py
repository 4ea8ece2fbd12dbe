"""Options from a file: ``synaflow.toml``, or ``[tool.synaflow-export]`` in ``pyproject.toml``.

Read in this order: :mod:`.find` (which file), :mod:`.toml_lines` (what stands where),
:mod:`.entries` (what each section sets), :mod:`.check` (what is wrong with that), :mod:`.layers`
(what holds for one pipeline on one target), :mod:`.lift` (from steps to macro-tasks).

From weakest to strongest: defaults, the file, the environment chosen with ``--env``, the pipeline,
the macro-task, the step, flags. No environment variable is read: the same command on the same
files gives the same bytes everywhere, or ``--check`` in CI could not compare them.
"""
