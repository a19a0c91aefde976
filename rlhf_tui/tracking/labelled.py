"""Which generate runs wrote the completions that a run's data set judges: by their ids, exactly.

Reading Parquet takes pyarrow, whose import would hold up the keys of a screen: screens run this
module as a program, `python -m rlhf_tui.tracking.labelled RUNS_DIRECTORY`, which prints JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from rlhf_tui.runs import layout
from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.lineage import Known, read_workspace

COLUMNS = ("chosen_id", "rejected_id", "completion_id")
"""Of a data set: the completions that a row judges."""
JUDGED = ("preference", "unpaired-preference")
"""The data sets that have them; demonstrations keep no ids."""
MOST_BYTES = 256 * 1024 * 1024
"""Of one run's completions that are looked through: some half a million."""


class _Written(msgspec.Struct):
    completion_id: str


def can_tell(runs: Path, known: Mapping[str, Known]) -> bool:
    """Whether there is anything to look for: a data set of judgements, and completions here."""
    return any(_judges(one) for one in known.values()) and any(
        (runs / run_id / layout.COMPLETIONS).exists() for run_id in known
    )


def _judges(known: Known) -> bool:
    manifest = known.manifest
    return manifest is not None and manifest.source is None and manifest.spec.get("kind") in JUDGED


def labelled(runs: Path, known: Mapping[str, Known]) -> dict[str, list[str]]:
    """For each run that learns from judgements the generate runs whose completions they are of."""
    written = {
        run_id: ids
        for run_id in known
        if (ids := set(_written(runs / run_id / layout.COMPLETIONS)))
    }
    found = {}
    for run_id, one in known.items():
        if not _judges(one) or not written:
            continue
        judged = set(_judged(runs / run_id / layout.DATASET))
        found[run_id] = [maker for maker, ids in written.items() if not ids.isdisjoint(judged)]
    return found


def _written(path: Path) -> Iterator[str]:
    """The ids of the completions of a file; a line that is none is passed over."""
    decoder = msgspec.json.Decoder(_Written)
    try:
        with open_plain(path) as file:
            for line in file:
                try:
                    yield decoder.decode(line).completion_id
                except msgspec.DecodeError:
                    continue
                if file.tell() > MOST_BYTES:
                    return
    except OSError:
        return


def _judged(dataset: Path) -> Iterator[str]:
    """The ids of the completions that a data set judges."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in sorted(dataset.glob("*.parquet")):
        try:
            names = [name for name in COLUMNS if name in pq.read_schema(path).names]
            table = pq.read_table(path, columns=names)
        except (OSError, pa.ArrowException):
            continue
        for name in names:
            yield from (one for one in table[name].unique().to_pylist() if one is not None)


def main() -> int:
    """Print what `labelled` finds in a directory of runs."""
    runs = Path(sys.argv[1])
    sys.stdout.buffer.write(msgspec.json.encode(labelled(runs, read_workspace(runs))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
