"""Build-time & run-time separation, "Write your own runner"."""

from synaflow_core.dag import Dag, Delivery, Source


class MyRunner:
    # CHANGED: the page leaves the body of the loop as "resolve dependencies, call node.fn, store
    # output ...". These ten lines are that body, for streams kept as lists.
    def execute(self, dag: Dag, params):
        made = {}
        for level in dag.get_execution_levels():
            for step_name in level:
                node = dag.steps[step_name]
                stored = {Source.PARAM: params._asdict(), Source.STEP: made}
                given = {e.parameter: stored[e.source][e.producer] for e in node.edges}
                items = [e.parameter for e in node.edges if e.delivery is Delivery.ITEM]
                for e in node.edges:
                    if e.delivery is Delivery.STREAM:
                        given[e.parameter] = iter(given[e.parameter])
                if items:
                    rows = zip(*(given[name] for name in items), strict=True)
                    calls = [{**given, **dict(zip(items, row, strict=True))} for row in rows]
                    made[step_name] = [node.fn(**call) for call in calls]
                else:
                    result = node.fn(**given)
                    made[step_name] = list(result) if node.lazy else result
        return made
