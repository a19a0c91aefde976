"""The statistics as a program: `python -m rlhf_tui.evaluation.statistics DIRECTORY`.

Reads `judgements.parquet` and `facts.json`, writes `worked.json`. A process of its own, because
the packages that compute the figures take seconds to import and the hub serves people meanwhile.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rlhf_tui.errors import UsageError
from rlhf_tui.evaluation.report import Report
from rlhf_tui.evaluation.worked import FACTS, JUDGEMENTS, WORKED, Facts, Worked
from rlhf_tui.evaluation.worker_process import told


def compute(directory: Path) -> Worked:
    """All figures of what lies in the directory.

    Raises:
        OSError: a file is missing or cannot be read.
        msgspec.DecodeError: the facts are not what they should be.
    """
    from rlhf_tui.evaluation import between, bias, drift, pace, trust, worth
    from rlhf_tui.evaluation.judged import read_judged
    from rlhf_tui.evaluation.people import people
    from rlhf_tui.evaluation.votes import votes_of

    facts = msgspec.json.decode((directory / FACTS).read_bytes(), type=Facts)
    judged = read_judged(directory / JUDGEMENTS, facts.kind)
    votes = votes_of(judged)
    plain = votes.where(judged.plain[votes.row])
    once = votes.where(~judged.repeat[votes.row])
    meetings = between.Meetings(plain)
    reliable = trust.reliabilities(judged, plain)
    meters, notes = bias.meters(judged.kind, once, judged.unit)
    everyone, own = people(judged, votes, meetings, reliable, facts)
    chosen = worth.selection(judged, plain, meetings)
    if not reliable and len(judged.names) > 1:
        notes.append(trust.TOO_FEW)
    notes += filter(None, [worth.verdict(chosen)])
    if artificial := [name for name in judged.names if name in facts.ai]:
        notes.append(
            f"{', '.join(artificial)}: no people but AI. They count like people in all figures that"
            " do not say otherwise."
        )
    report = Report(
        kind=facts.kind,
        tasks=facts.tasks,
        judgements=int(judged.plain.sum()),
        wanted=facts.wanted,
        remaining=facts.remaining,
        remaining_hours=pace.remaining_hours(judged, facts),
        labelling_lately=pace.labelling_lately(judged, facts),
        agreement=between.agreement(judged, meetings, facts.ai),
        bias=meters,
        annotators=everyone,
        periods=drift.periods(judged, once, meetings),
        selection=chosen,
        notes=notes,
        computed_ms=time.time_ns() // 1_000_000,
    )
    return Worked(report, own)


def main(argv: Sequence[str]) -> None:
    """Compute and write.

    Raises:
        UsageError: wrong arguments.
    """
    if len(argv) != 1:
        raise UsageError("Usage: python -m rlhf_tui.evaluation.statistics DIRECTORY")
    directory = Path(argv[0])
    (directory / WORKED).write_bytes(msgspec.json.encode(compute(directory)))


if __name__ == "__main__":
    sys.exit(told(main))
