"""Scans beside the FERNN: the tables of one and of two moving digits, with memories that are linear.

The task, its presets and its seeds are those of `translating_mnist`, where the G-RNN and FERNN stand.
"""

from __future__ import annotations

from dataclasses import replace

from flowlib.lab.experiment import by_name
from flowlib.lab.forecasters import ForecastPreset, ForecastRow
from flowlib.lab.translating_mnist import PRESETS, V2
from flowlib.lab.translating_mnist import TABLES as OF_FERNN
from flowlib.scan import ScanCell

ROWS = {
    "scan": ForecastRow("scan, V2", V2, cell=ScanCell),
    "scan-longer": ForecastRow("scan, V2, more updates", V2, cell=ScanCell),
    "scan-stack": ForecastRow("scan, V2, two layers", V2, cell=ScanCell, layers=2),
}
# How many channels have about as many parameters as FERNN-V2 at the preset, in one layer and in two; and
# how many times its updates take about as many seconds, a little more (chapter 24 measures it).
FAIR = {"tiny": (2, 1, 1.0), "quick": (7, 5, 1.5), "laptop": (7, 5, 1.5), "desk": (15, 11, 1.7)}


def own(preset: ForecastPreset, one: int, two: int, longer: float) -> ForecastPreset:
    """The preset, with the sizes of each row, and a memory that keeps more: a sum must not fade."""
    scan = {"channels": one, "memory": 0.9}
    rows = {
        "scan": scan,
        "scan-longer": {**scan, "updates": round(longer * preset.updates)},
        "scan-stack": {**scan, "channels": two},
    }
    return replace(preset, own=rows)


TABLES = by_name(
    *(
        replace(
            OF_FERNN[table],
            name=name,
            title=f"{OF_FERNN[table].title}: scans",
            rows=ROWS,
            presets={p: own(PRESETS[p], *fair) for p, fair in FAIR.items()},
            published={},
            published_source="",
        )
        for name, table in (("scan", "translating-mnist"), ("scan-2", "translating-mnist-2"))
    )
)
