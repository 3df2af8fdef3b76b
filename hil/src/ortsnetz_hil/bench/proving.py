"""Proves that a scenario can fail: each of its sabotages has to fail the criteria that it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ortsnetz_common.files.yaml_source import Source
from ortsnetz_hil.bench.judging import judged
from ortsnetz_hil.bench.run import Options, play
from ortsnetz_hil.scenarios.reader import apply_change
from ortsnetz_hil.scenarios.schema import Proof, Scenario
from ortsnetz_hil.verdict.judgement import Verdict


@dataclass(frozen=True, slots=True)
class Proved:
    """What became of one sabotage.

    Attributes:
        failed: criteria that failed, of all.
        missed: criteria that should have failed and passed, or could not be judged; empty if the
            sabotage was noticed.
    """

    proof: Proof
    failed: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def noticed(self) -> bool:
        """Whether the bench noticed the sabotage where it had to."""
        return not self.missed


def prove(
    scenario: Scenario,
    source: Source,
    options: Options,
    say: Callable[[str], None],
    wanted: tuple[str, ...] = (),
) -> list[Proved]:
    """Play a scenario once for each of its sabotages.

    Args:
        scenario: the sound one.
        source: its file.
        options: where runs take place; each sabotage has a directory of its own beside it.
        say: takes lines for people.
        wanted: names of the sabotages; empty for all.

    Raises:
        OrtsnetzError: a run cannot be played to its end.
    """
    found = []
    for number, proof in enumerate(scenario.proofs, start=1):
        if wanted and proof.name not in wanted:
            continue
        place = options.directory.with_name(f"{options.directory.name}-sabotage-{number}")
        found.append(prove_one(proof, source, replace(options, directory=place), say))
    return found


def prove_one(proof: Proof, source: Source, options: Options, say: Callable[[str], None]) -> Proved:
    """Play the sabotaged scenario and see what noticed it.

    Raises:
        OrtsnetzError: the run cannot be played to its end.
    """
    say(f"bench: sabotage: {proof.name}")
    broken = apply_change(source, proof.change)
    return _compared(proof, judged(play(broken, source, options, say)))


def _compared(proof: Proof, verdict: Verdict) -> Proved:
    """Only a criterion that failed on its merits noticed anything: silence fails all of them."""
    named = tuple(" ".join(sentence.split()) for sentence in proof.fails)
    seen = {one.sentence for one in verdict.criteria if not one.passed and one.judged}
    return Proved(proof, verdict.failed, tuple(s for s in named if s not in seen))
