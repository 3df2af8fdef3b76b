"""Aligned tables in plain text."""

from __future__ import annotations

from collections.abc import Sequence


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()
) -> list[str]:
    """Lines of a table; columns that are empty in every row are left out.

    Args:
        heads: of the columns.
        rows: cells as text, one a head.
        right: heads of columns of numbers, which are aligned to the right.
    """
    kept = [n for n, _ in enumerate(heads) if not rows or any(row[n] for row in rows)]
    lines = [[heads[n] for n in kept], *([one_line(row[n]) for n in kept] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(kept))]
    to_the_right = {n for n, column in enumerate(kept) if heads[column] in right}
    return [
        "  ".join(
            cell.rjust(widths[n]) if n in to_the_right else cell.ljust(widths[n])
            for n, cell in enumerate(line)
        ).rstrip()
        for line in lines
    ]


def one_line(text: str) -> str:
    """Text of a device without what would move the terminal's cursor or colour it."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)
