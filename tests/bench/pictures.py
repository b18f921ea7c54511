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
from matplotlib.ticker import LogLocator, NullFormatter  # noqa: E402 - as well

INK, GOOD, OTHER = "#333333", "#2a7f62", "#9aa5b1"
OURS = ("HIT", "304", "HIT, 10 000 users", "MISS", "BYPASS", "POST")
LADDER = ("tutorial", "MISS", "BYPASS", "HIT, 10 000 users", "HIT", "304", "bare ASGI")
PERCENTILES = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99", "p999_ms": "p99.9"}


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
    return milliseconds(figure)


def ways(found: dict[str, list[dict[str, Any]]]) -> Any:
    """Latency of hits, misses and bypasses, by percentile."""
    figure, axes = plt.subplots(figsize=(8, 3.4))
    for name, each in found.items():
        values = [median(one[percentile] for one in each) for percentile in PERCENTILES]
        axes.plot(PERCENTILES.values(), values, marker="o", label=f"{name}, {each[0]['rate']:.0f} a second")
    return milliseconds(figure)


def scaling(found: dict[str, dict[str, list[dict[str, Any]]]]) -> Any:
    """What a request costs an instance, and how many there are, by the number of instances."""
    figure, both = plt.subplots(1, 2, figsize=(8, 3.4))
    labels = ("CPU µs of an instance a request", "requests a second")
    for axes, label, of in zip(
        both, labels, (lambda one: one["cpu"]["app"], lambda one: one["rate"]), strict=True
    ):
        for name, by_number in found.items():
            values = [median(map(of, each)) for each in by_number.values()]
            axes.plot(by_number.keys(), values, marker="o", color=GOOD if name in OURS else OTHER, label=name)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("instances")
        axes.set_ylabel(label)
    both[0].legend(frameon=False)
    return figure


def milliseconds(figure: Any) -> Any:
    """Latencies, on an axis that has room for all of them."""
    (axes,) = figure.axes
    axes.set_ylabel("milliseconds")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False)
    return figure


def main(results: Path, folder: Path) -> None:
    """Write each picture as SVG and as PNG."""
    found = json.loads(results.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    several = {"HIT": found["scaling"], "bare ASGI": found["scaling_of_the_floor"]}
    figures = {
        "ladder": ladder(found["samples"]["of"]),
        "latency": latency(found["steady"]),
        "ways": ways(found["ways"]),
        "scaling": scaling(several),
    }
    for name, figure in figures.items():
        for axes in figure.axes:
            axes.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png", dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
