"""The worker side of a generated Airflow DAG file: one function, called by every task.

Needs this package, the user's dependencies and Airflow; nothing here is imported while a DAG file
is parsed. :mod:`.tasks` is what the tasks do and :mod:`.ending` what the last two of a run do that
can be undone; :mod:`.verdict` tells whether it succeeded and :mod:`.stopped` when those have ended
that somebody stops. :mod:`.placing` is common to all.
"""

from __future__ import annotations

from synaflow_export.runtime.airflow.ending import conclude, roll_back
from synaflow_export.runtime.airflow.tasks import join_shards, plan_shards, run_macro_task

__all__ = ["conclude", "join_shards", "plan_shards", "roll_back", "run_macro_task"]
