"""From a run directory to its verdict, and the files that carry it."""

from __future__ import annotations

from pathlib import Path

from ortsnetz_hil.bench.rundir import RunDirectory
from ortsnetz_hil.verdict import junit, recording_file, report
from ortsnetz_hil.verdict.judgement import FILE, Verdict, judge, write_json


def judged(directory: RunDirectory) -> Verdict:
    """Judge a recorded run; writes verdict, report and JUnit file into its directory.

    Raises:
        InputError: the directory holds no complete run; names what is missing.
    """
    return judge_files(directory.root)


def judge_files(root: Path) -> Verdict:
    """The same for a path: nothing but the recording is needed."""
    recording = recording_file.read(root)
    verdict = judge(recording)
    write_json(verdict, root / FILE)
    junit.write(verdict, root / junit.FILE)
    report.write(verdict, recording, root / report.FILE)
    return verdict
