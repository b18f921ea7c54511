"""Draw what was measured: python pictures.py RESULTS.json FOLDER (with requirements/bench.txt)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "taskyard"  # the same picture has the same bytes
from matplotlib import pyplot as plt  # noqa: E402 - the backend is chosen before it is loaded

INK, GOOD, OTHER = "#333333", "#2a7f62", "#9aa5b1"
OURS = ("HIT", "304", "HIT, 10 000 users", "MISS", "POST")
LADDER = ("tutorial", "MISS", "HIT, 10 000 users", "HIT", "304", "bare ASGI")
PERCENTILES = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99"}


def ladder(samples: dict[str, list[dict[str, Any]]]) -> Any:
    """Requests a second of each way to answer a list, from the tutorial to the floor."""
    figure, axes = plt.subplots(figsize=(8, 3.4))
    rates = [median(one["rate"] for one in samples[name]) for name in LADDER]
    bars = axes.barh(LADDER, rates, color=[GOOD if name in OURS else OTHER for name in LADDER])
    axes.bar_label(bars, [f"{each:,.0f}".replace(",", " ") for each in rates], padding=4, color=INK)
    axes.set_xlabel("requests a second, one instance behind Nginx")
    axes.set_xlim(0, max(rates) * 1.12)
    return figure


def latency(steady: dict[str, list[dict[str, Any]]]) -> Any:
    """Latency at constant rates."""
    figure, axes = plt.subplots(figsize=(8, 3.4))
    shares = [float(share) * 100 for share in steady]
    for name, label in PERCENTILES.items():
        axes.plot(
            shares, [median(one[name] for one in each) for each in steady.values()], marker="o", label=label
        )
    axes.set_xlabel("share of the capacity that is asked for, %")
    axes.set_ylabel("milliseconds")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend(frameon=False)
    return figure


def main(results: Path, folder: Path) -> None:
    """Write each picture as SVG and as PNG."""
    found = json.loads(results.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in (("ladder", ladder(found["samples"]["of"])), ("latency", latency(found["steady"]))):
        for side in ("top", "right"):
            figure.axes[0].spines[side].set_visible(False)
        figure.tight_layout()
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png", dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
