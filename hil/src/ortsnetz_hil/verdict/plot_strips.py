"""Strips of the report: what happened, the agent's mode, bad qualities, alarms."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from ortsnetz_hil.verdict.plot_data import MOST_LANES, Lane, Run
from ortsnetz_hil.verdict.plot_paint import CALM, COLOURS, FAINT, FAULT, INK
from ortsnetz_hil.verdict.recording import Happening

INCH_A_CHARACTER = 0.088
AXES_IN = 9.3
MODES = {"active": (CALM, ""), "safe": (FAINT, "///"), "blind": (FAULT, "xxx")}


def lanes(happened: Sequence[Happening] | None) -> int:
    """Lanes that the happenings take."""
    return 1 if happened is None else min(len(happened), MOST_LANES + 1)


def count(found: Sequence[Lane] | None) -> int:
    """Lanes that a group of strips takes, with one for what is left out."""
    return 1 if not found else min(len(found), MOST_LANES + 1)


def happened(axes: Axes, run: Run) -> None:
    """Faults as bars and events as marks, each in a lane of its own with its name."""
    axes.set_title("What happened", loc="left")
    _bare(axes)
    if not run.happened:
        _say(axes, "nothing" if run.happened is not None else "the run has left no timeline")
        return
    total = lanes(run.happened)
    axes.set_ylim(total, 0)
    for lane, one in enumerate(run.happened[:MOST_LANES]):
        if one.is_fault:
            axes.broken_barh(
                [(one.first_s, one.last_s - one.first_s)],
                (lane + 0.2, 0.6),
                facecolor=FAULT,
                alpha=0.55,
            )
        else:
            axes.plot([one.first_s], [lane + 0.5], marker="v", color=INK, markersize=7)
        _beside(axes, run, one, lane)
    _rest(axes, len(run.happened), "more")


def shade(axes: Axes, run: Run) -> None:
    """Faults as bands and events as lines through a plot."""
    for one in run.happened or ():
        if one.is_fault:
            axes.axvspan(one.first_s, one.last_s, color=FAULT, alpha=0.13, linewidth=0, zorder=0)
        else:
            axes.axvline(one.first_s, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)


def modes(axes: Axes, run: Run) -> None:
    """The agent's mode, in words."""
    axes.set_title("Mode of the device under test", loc="left")
    _bare(axes)
    if run.modes is None:
        _say(axes, "it said none")
        return
    axes.set_ylim(1, 0)
    for one in run.modes.segments:
        colour, hatch = MODES.get(one.word, (FAINT, "..."))
        length = one.last_s - one.first_s
        axes.broken_barh(
            [(one.first_s, length)], (0.05, 0.9), facecolor=colour, alpha=0.45, hatch=hatch
        )
        if length / run.seconds * AXES_IN > INCH_A_CHARACTER * len(one.word) + 0.05:
            axes.text(one.first_s + length / 2, 0.5, one.word, ha="center", va="center")


def qualities(axes: Axes, run: Run) -> None:
    """When sources were not good."""
    axes.set_title("Sources that were not good", loc="left")
    _strips(axes, run, run.qualities, f"none; {run.good} sources were good all the time", FAULT)


def alarms(axes: Axes, run: Run) -> None:
    """When alarms stood."""
    axes.set_title("Alarms", loc="left")
    _strips(axes, run, run.alarms, "none", COLOURS[3])


def _strips(
    axes: Axes, run: Run, found: Sequence[Lane] | None, otherwise: str, colour: str
) -> None:
    _bare(axes)
    if not found:
        _say(axes, otherwise if found is not None else "nothing was kept")
        return
    axes.set_ylim(count(found), 0)
    for lane, strip in enumerate(found[:MOST_LANES]):
        for one in strip.segments:
            axes.broken_barh(
                [(one.first_s, one.last_s - one.first_s)],
                (lane + 0.15, 0.7),
                facecolor=colour,
                alpha=0.6,
            )
        end = strip.segments[-1].last_s
        _label(axes, run, (strip.segments[0].first_s, end), lane, strip.name)
    _rest(axes, len(found), "more")


def _beside(axes: Axes, run: Run, one: Happening, lane: int) -> None:
    _label(axes, run, (one.first_s, one.last_s), lane, one.name)


def _label(axes: Axes, run: Run, ends: tuple[float, float], lane: int, text: str) -> None:
    """A name to the right of a bar, or to its left where there is no room."""
    needed = INCH_A_CHARACTER * len(text) / AXES_IN * run.seconds
    gap = 0.01 * run.seconds
    if ends[1] + gap + needed <= run.seconds * 1.15:
        axes.text(ends[1] + gap, lane + 0.52, text, va="center")
    elif ends[0] - gap - needed >= 0.0:
        axes.text(ends[0] - gap, lane + 0.52, text, va="center", ha="right")
    else:
        axes.text(max(ends[0], 0.0) + gap, lane + 0.52, text, va="center")


def _rest(axes: Axes, total: int, word: str) -> None:
    if total > MOST_LANES:
        axes.text(0.0, MOST_LANES + 0.55, f"{total - MOST_LANES} {word}", va="center")


def _say(axes: Axes, text: str) -> None:
    axes.set_ylim(1, 0)
    axes.text(0.0, 0.5, text, va="center", transform=axes.get_xaxis_transform())


def _bare(axes: Axes) -> None:
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
