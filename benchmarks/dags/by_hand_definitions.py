"""Ten assets in a row as an engineer writes them by hand; generated files are compared with it."""

import dagster as dg
from pydantic import Field

RETRY_POLICY = dg.RetryPolicy(max_retries=2, delay=30)
SHARED = {"owners": ["team:data"], "kinds": {"python"}, "tags": {"team": "data"}}


class Params(dg.ConfigurableResource):
    """What one run needs to know."""

    count: int = Field(default=1, ge=0, description="First value.")


@dg.asset(key=["by_hand", "t0"], group_name="by_hand", retry_policy=RETRY_POLICY, **SHARED)
def t0(context: dg.AssetExecutionContext, params: Params) -> int:
    """First value."""
    from company.runtime import work

    return work(0, params.count)


@dg.asset(
    key=["by_hand", "t1"],
    ins={"t0": dg.AssetIn(["by_hand", "t0"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t1(context: dg.AssetExecutionContext, t0: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(1, t0)


@dg.asset(
    key=["by_hand", "t2"],
    ins={"t1": dg.AssetIn(["by_hand", "t1"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t2(context: dg.AssetExecutionContext, t1: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(2, t1)


@dg.asset(
    key=["by_hand", "t3"],
    ins={"t2": dg.AssetIn(["by_hand", "t2"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t3(context: dg.AssetExecutionContext, t2: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(3, t2)


@dg.asset(
    key=["by_hand", "t4"],
    ins={"t3": dg.AssetIn(["by_hand", "t3"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t4(context: dg.AssetExecutionContext, t3: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(4, t3)


@dg.asset(
    key=["by_hand", "t5"],
    ins={"t4": dg.AssetIn(["by_hand", "t4"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t5(context: dg.AssetExecutionContext, t4: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(5, t4)


@dg.asset(
    key=["by_hand", "t6"],
    ins={"t5": dg.AssetIn(["by_hand", "t5"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t6(context: dg.AssetExecutionContext, t5: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(6, t5)


@dg.asset(
    key=["by_hand", "t7"],
    ins={"t6": dg.AssetIn(["by_hand", "t6"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t7(context: dg.AssetExecutionContext, t6: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(7, t6)


@dg.asset(
    key=["by_hand", "t8"],
    ins={"t7": dg.AssetIn(["by_hand", "t7"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t8(context: dg.AssetExecutionContext, t7: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(8, t7)


@dg.asset(
    key=["by_hand", "t9"],
    ins={"t8": dg.AssetIn(["by_hand", "t8"])},
    group_name="by_hand",
    retry_policy=RETRY_POLICY,
    **SHARED,
)
def t9(context: dg.AssetExecutionContext, t8: int, params: Params) -> int:
    """One more."""
    from company.runtime import work

    return work(9, t8)


job = dg.define_asset_job("by_hand", selection='key:"by_hand/*"')

defs = dg.Definitions(
    assets=[t0, t1, t2, t3, t4, t5, t6, t7, t8, t9],
    jobs=[job],
    resources={"params": Params.configure_at_launch()},
)
