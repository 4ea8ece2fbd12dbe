"""The flow file on the workers of Dask and Ray, which need not find it among their modules.

Tasks travel there pickled, and with them the flow: its hooks, the models of its params and what its
owner has put into the policies. Of all that pickle would keep the name of the file only, so those
workers could run a flow without hooks and models, and no other. Here it is said that what is
defined in the file travels as it is.
"""

from __future__ import annotations

import sys
from typing import Any

from prefect import Flow

_PICKLERS = ("cloudpickle", "ray.cloudpickle")
"""What Prefect and Dask pickle with, and Ray's own copy of it; there once a flow is to use them."""


def travels(flow: Flow[..., Any]) -> None:
    """Have all that is defined in the file of a flow go to the workers with its tasks."""
    file = sys.modules.get(flow.fn.__module__)
    for pickler in filter(None, map(sys.modules.get, _PICKLERS)):
        if file is not None:
            pickler.register_pickle_by_value(file)
