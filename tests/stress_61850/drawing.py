"""Memory, files and threads over the run as a picture."""

from __future__ import annotations

from pathlib import Path

from stress_61850.sampling import Sample


def draw(path: Path, samples: dict[str, list[Sample]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(3, 1, sharex=True, figsize=(8, 7))
    for axis, (what, unit, scale) in zip(
        axes,
        (("memory", "MiB", 2**20), ("files", "open files", 1), ("threads", "threads", 1)),
        strict=True,
    ):
        for name, each in samples.items():
            axis.plot([s.at_s for s in each], [getattr(s, what) / scale for s in each], label=name)
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0)
        axis.legend()
    axes[-1].set_xlabel("s")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
