"""The assets that people write: one per step, pickled lists between them."""

from __future__ import annotations

from typing import Any

import dagster as dg

from benchmarks.ten_steps import by_hand


def by_hand_job(folder: str, rows: int) -> Any:
    """One asset per step; what they hand on are the names of pickled lists."""

    def itemwise(index: int) -> Any:
        @dg.asset(name=f"s{index}", ins={"source": dg.AssetIn(f"s{index - 1}")})
        def asset(source: str) -> str:
            return by_hand.itemwise(folder, index, source)

        return asset

    @dg.asset
    def s0() -> str:
        return by_hand.first(folder, rows)

    @dg.asset(ins={"source": dg.AssetIn("s8")})
    def s9(source: str) -> int:
        return by_hand.last(source)

    assets = [s0, *(itemwise(index) for index in range(1, 9)), s9]
    job = dg.define_asset_job("ten_steps", selection="*")
    return dg.Definitions(assets=assets, jobs=[job]).resolve_job_def("ten_steps")
