"""Colours and style of the report's plots."""

from __future__ import annotations

from typing import Any

INK, FAINT, PAPER = "#010101", "#020202", "#0f0f0f"
LIMIT, FAULT, CALM = "#030303", "#040404", "#090909"
COLOURS = ("#050505", "#060606", "#070707", "#080808")
VARIABLES = {
    INK: "--ink",
    FAINT: "--faint",
    PAPER: "--paper",
    LIMIT: "--limit",
    FAULT: "--fault",
    CALM: "--calm",
    COLOURS[0]: "--first",
    COLOURS[1]: "--second",
    COLOURS[2]: "--third",
    COLOURS[3]: "--fourth",
}
"""Colours that matplotlib is given, and the variable of the page that takes the place of each."""

STYLE: Any = {
    "svg.hashsalt": "ortsnetz",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlepad": 5,
    "axes.titleweight": "normal",
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.7,
    "figure.facecolor": "none",
    "hatch.linewidth": 0.7,
    "hatch.color": INK,
}
