"""Plots of a run on one time axis, as SVG whose colours are the page's own.

Lines are told apart by colour (Okabe and Ito's, safe for colour-blind people), by dashes, and by a
name beside their end. The same run gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ortsnetz_hil.verdict import plot_strips as strips
from ortsnetz_hil.verdict.excursions import Vector
from ortsnetz_hil.verdict.plot_data import KINDS, Run
from ortsnetz_hil.verdict.plot_data import run as gather
from ortsnetz_hil.verdict.plot_paint import COLOURS, FAINT, INK, LIMIT, STYLE, VARIABLES
from ortsnetz_hil.verdict.recording import Recording

WIDTH_IN = 12.0
PLOT_IN, COUNT_IN, LANE_IN, GAP_IN, LABELS_IN = 1.75, 0.9, 0.27, 0.42, 0.2
MARGINS_IN = (0.95, 1.75)
"""Left: axis labels; right: names of the lines."""
NEAREST = 0.13
"""Names of lines keep so far apart, as a share of the height."""
PAINTED = {
    **dict(zip(KINDS, COLOURS, strict=True)),
    **dict(zip(("transformer", "worst line"), COLOURS, strict=False)),
    **dict(zip(("highest", "lowest"), COLOURS, strict=False)),
}
"""Every line keeps its colour from plot to plot and from report to report."""


def draw(recording: Recording) -> str:
    """The plots of a run.

    Returns:
        An SVG element; its colours are CSS variables, see `plot_paint.VARIABLES`.

    Raises:
        CannotJudgeError: there is no truth to draw.
    """
    found = gather(recording)
    with mpl.rc_context(STYLE):
        return _svg(_figure(found))


def _figure(run: Run) -> Figure:
    rows: list[tuple[float, Callable[[Axes, Run], None]]] = [
        (LANE_IN * max(strips.lanes(run.happened), 1), strips.happened),
        (PLOT_IN, _loading),
        (PLOT_IN, _voltage),
        *([] if run.tap is None else [(COUNT_IN, _tap)]),
        (PLOT_IN, _power),
        (PLOT_IN, _limits),
        (COUNT_IN, _limited),
        (LANE_IN, strips.modes),
        (LANE_IN * strips.count(run.qualities), strips.qualities),
        (LANE_IN * strips.count(run.alarms), strips.alarms),
    ]
    height = sum(size for size, _ in rows) + GAP_IN * len(rows) + LABELS_IN + 0.5
    figure = Figure(figsize=(WIDTH_IN, height))
    FigureCanvasSVG(figure)
    top = height - 0.1
    left, width = MARGINS_IN[0] / WIDTH_IN, 1.0 - sum(MARGINS_IN) / WIDTH_IN
    for number, (size, paint) in enumerate(rows):
        above = GAP_IN + (LABELS_IN if paint is strips.modes else 0.0)
        top -= size + (above if number else 0.3)
        axes = figure.add_axes((left, top / height, width, size / height))
        axes.set_xlim(0.0, run.seconds)
        paint(axes, run)
        if paint not in (strips.happened, strips.modes, strips.qualities, strips.alarms):
            strips.shade(axes, run)
        axes.tick_params(labelbottom=paint is _limited or number == len(rows) - 1)
        if number == len(rows) - 1:
            axes.set_xlabel("plant time in s")
    return figure


def _loading(axes: Axes, run: Run) -> None:
    _title(axes, "Loading of transformer and lines", "1 = rating")
    _lines(axes, run, [("transformer", run.transformer, "-"), ("worst line", run.line, "--")])
    _limit(axes, run.loading_limit)
    axes.set_ylim(bottom=0.0, top=max(1.1 * run.loading_limit, 1.06 * float(axes.dataLim.y1)))
    _names(axes, [("transformer", run.transformer), ("worst line", run.line)], [run.loading_limit])


def _voltage(axes: Axes, run: Run) -> None:
    _title(axes, "Voltage of LV nodes", "pu")
    _lines(axes, run, [("highest", run.u_max, "-"), ("lowest", run.u_min, "--")])
    low, high = run.u_limits
    for limit in run.u_limits:
        _limit(axes, limit)
    room = 0.1 * (high - low)
    axes.set_ylim(
        min(low, float(np.nanmin(run.u_min))) - room, max(high, float(np.nanmax(run.u_max))) + room
    )
    _names(axes, [("highest", run.u_max), ("lowest", run.u_min)], run.u_limits)


def _tap(axes: Axes, run: Run) -> None:
    _title(axes, "Position of the tap changer", "steps")
    if run.tap is not None:
        axes.step(run.time_s, run.tap, where="post", color=INK, linewidth=1.4)
        axes.set_ylim(float(run.tap.min()) - 0.6, float(run.tap.max()) + 0.6)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))


def _power(axes: Axes, run: Run) -> None:
    _title(axes, "Power of devices; dotted: what they would take or feed in without limits", "kW")
    for kind in run.kinds:
        axes.plot(run.time_s, kind.wanted_kw, ":", color=PAINTED[kind.name], linewidth=1.4)
        axes.plot(run.time_s, kind.served_kw, "-", color=PAINTED[kind.name])
    axes.set_ylim(bottom=0.0)
    _names(axes, [(kind.name, kind.served_kw) for kind in run.kinds])


def _limits(axes: Axes, run: Run) -> None:
    _title(axes, "Limits in force, sum over the devices of a kind", "kW")
    for kind in run.kinds:
        axes.step(run.time_s, kind.limit_kw, where="post", color=PAINTED[kind.name])
    axes.set_ylim(bottom=0.0)
    _names(axes, [(kind.name, kind.limit_kw) for kind in run.kinds])


def _limited(axes: Axes, run: Run) -> None:
    _title(axes, "Devices limited below their rating", "number")
    axes.fill_between(run.time_s, run.limited, step="post", color=FAINT, alpha=0.45, linewidth=0)
    axes.step(run.time_s, run.limited, where="post", color=INK, linewidth=1.2)
    axes.set_ylim(0.0, max(1.0, 1.15 * float(run.limited.max())))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))


def _title(axes: Axes, what: str, unit: str) -> None:
    axes.set_title(what, loc="left")
    axes.set_ylabel(unit)
    axes.grid(visible=True, axis="y")


def _lines(axes: Axes, run: Run, lines: Sequence[tuple[str, Vector, str]]) -> None:
    for name, values, dashes in lines:
        axes.plot(run.time_s, values, dashes, color=PAINTED[name])


def _limit(axes: Axes, value: float) -> None:
    axes.axhline(value, color=LIMIT, linewidth=1.3, dashes=(7, 3))


def _names(axes: Axes, lines: Sequence[tuple[str, Vector]], limits: Sequence[float] = ()) -> None:
    """Names beside the ends of lines and limits, moved apart where they would touch."""
    wanted = [(_last(values), PAINTED[name], name) for name, values in lines]
    wanted += [(limit, LIMIT, f"limit {limit:g}") for limit in limits]
    low, high = axes.get_ylim()
    ends = sorted((min(max((y - low) / (high - low), 0.05), 0.95), c, n) for y, c, n in wanted)
    heights: list[float] = []
    for place, _, _ in ends:
        heights.append(max(place, heights[-1] + NEAREST) if heights else place)
    highest = 0.97
    for i in range(len(heights) - 1, -1, -1):  # and down again where the upper ones would not fit
        heights[i] = min(heights[i], highest)
        highest = heights[i] - NEAREST
    for height, (_, colour, name) in zip(heights, ends, strict=True):
        axes.text(
            *(1.008, height, name),
            transform=axes.transAxes,
            color=colour,
            fontweight="bold",
            va="center",
        )


def _last(values: Vector) -> float:
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else 0.0


def _svg(figure: Figure) -> str:
    target = io.StringIO()
    figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"([^>]*?)width="[^"]*"', r"<svg \1\2", text, count=1)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text
