"""The verdict for people: one HTML file that needs nothing else, light, dark and on paper."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from ortsnetz_hil.scenarios.durations import words as duration
from ortsnetz_hil.verdict import plots
from ortsnetz_hil.verdict.criteria_values import Judgement
from ortsnetz_hil.verdict.judgement import Verdict
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording

FILE = "report.html"


class Line(Struct, frozen=True):
    """A criterion as the table shows it.

    Attributes:
        margin: with its unit, empty where there is none.
        bar: length of its bar, per cent of the half column.
    """

    judgement: Judgement
    margin: str
    bar: float


def write(verdict: Verdict, recording: Recording, path: Path) -> None:
    """Write the report; the same run gives the same bytes."""
    path.write_text(render(verdict, recording), "utf-8")


def render(verdict: Verdict, recording: Recording) -> str:
    """The report as HTML.

    Args:
        verdict: what became of the scenario.
        recording: the run, for the plots.
    """
    environment = Environment(
        loader=PackageLoader("ortsnetz_hil.verdict"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        verdict=verdict,
        scenario=recording.scenario,
        paragraphs=recording.scenario.about.strip().split("\n\n"),
        lines=[_line(judgement) for judgement in sorted(verdict.criteria, key=_passed)],
        plots=_plots(recording),
        seconds=duration(verdict.seconds),
        figures=_figures(verdict),
    )


def _plots(recording: Recording) -> Markup | None:
    try:
        return Markup(plots.draw(recording))  # noqa: S704 - matplotlib escapes what it writes
    except CannotJudgeError:
        return None


def _passed(judgement: Judgement) -> bool:
    return judgement.passed  # what failed is read first


def _line(judgement: Judgement) -> Line:
    if judgement.margin is None:
        return Line(judgement, "", 0.0)
    scale = abs(judgement.limit or 0.0) or abs(judgement.margin) or 1.0
    bar = min(abs(judgement.margin) / scale, 1.0) * 100.0
    digits = ".0f" if abs(judgement.margin) >= 1000.0 else ".3g"
    margin = f"{judgement.margin:+{digits}} {judgement.unit}" if judgement.margin else "0"
    return Line(judgement, margin, max(bar, 2.0) if judgement.margin else 0.0)


def _figures(verdict: Verdict) -> list[tuple[str, str, str]]:
    """Name, value and what else there is to say, for the cards."""
    found = verdict.figures
    if found is None:
        return []
    cards = [
        (
            "highest loading, transformer",
            f"{found.transformer_loading.value:.2f}",
            f"at {found.transformer_loading.time_s:.1f} s",
        ),
        (
            "highest loading, lines",
            f"{found.line_loading.value:.2f}",
            f"at {found.line_loading.time_s:.1f} s",
        ),
        ("lowest voltage", f"{found.u_min.value:.3f} pu", f"at {found.u_min.time_s:.1f} s"),
        ("highest voltage", f"{found.u_max.value:.3f} pu", f"at {found.u_max.time_s:.1f} s"),
        (
            "outside a limit",
            f"{found.seconds_outside:.1f} s",
            f"at most {found.longest_excursion_s:.1f} s in a row",
        ),
    ]
    for name, kind in (("charge points", found.ev), ("inverters", found.pv)):
        if kind.share is not None:
            cards.append(
                (
                    f"energy served, {name}",
                    f"{100 * kind.share:.1f} %",
                    f"{kind.served_kwh:.1f} of {kind.requested_kwh:.1f} kWh",
                )
            )
    return cards
