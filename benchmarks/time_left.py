"""How right the end of a run is that the dashboard tells while it runs.

    python benchmarks/time_left.py [--quick] [--keep DIRECTORY] [--only KIND…]
    python benchmarks/time_left.py RUN_DIRECTORY…

Real runs of each kind on the sample model, one after another through the hub, in a workspace of
its own; or, of run directories that are named, those that finished. Each is then replayed from
its lines: the end that was told once 5, 10, 20 and 50 % of its steps were done, and by which part
of the whole time, from the start of the process until it was gone, that was wrong; +: it was over
earlier. Exits with 1 if after a tenth one of them is off by more than MARK.

`cpu` in a row's name: the same run by the seconds for which its process computed rather than by
the clock on the wall, which is how it would have gone with the machine to itself. Runs of the
sample model compute in one thread, so that both rows agree where nobody else is at work.

Takes some ten minutes on two cores. --quick: a quarter of the steps. --keep: the workspace is made
there and kept, and labels and models that it holds already are used again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "recordings")]

from helpers.replayed import Replay, computed, replay  # noqa: E402
from make import Recording, Studio  # noqa: E402

from rlhf_tui.demo.auto import SETTINGS  # noqa: E402
from rlhf_tui.hub.client import HubClient  # noqa: E402
from rlhf_tui.hub.messages import Done, Shutdown  # noqa: E402
from rlhf_tui.runs import layout  # noqa: E402
from rlhf_tui.workspace import find_workspace, init_workspace  # noqa: E402

SHARES = (0.05, 0.1, 0.2, 0.5)
MARK = 0.1
ONLINE: dict[str, Any] = {
    "model": "sft-0001", "reward_model": "rm-0001", "eval_prompts": 16, "total_steps": 200,
    "response_length": 32,
}  # fmt: skip
RUNS: tuple[tuple[str, layout.RunKind, dict[str, Any]], ...] = (
    ("sft", "sft", {"max_steps": 400, "batch_size": 8, "eval_steps": 50}),
    ("rm", "rm", {"max_steps": 300, "eval_steps": 60}),
    ("dpo", "dpo", {"model": "sft-0001", "max_steps": 200, "eval_steps": 100}),
    ("kto", "kto", {"model": "sft-0001", "max_steps": 200, "eval_steps": 50}),
    ("ppo", "ppo", ONLINE | {"rollout_batch_size": 24, "eval_steps": 20}),
    ("rloo", "rloo", ONLINE | {"rollout_batch_size": 6, "eval_steps": 20}),
    ("grpo", "grpo", ONLINE | {"rollout_batch_size": 6, "eval_steps": 0}),
)


def make(root: Path, only: list[str], share: float) -> list[tuple[str, Replay]]:
    """The runs, made in a workspace at `root`."""
    workspace = (
        find_workspace(root)
        if (root / "rlhf.toml").exists()
        else init_workspace(root, name="time-left", seed=0, settings=SETTINGS)
    )
    found = []
    with HubClient(workspace, client="demo") as client:
        studio = Studio(workspace, client)
        studio.prepare()
        chosen = [one for one in RUNS if not only or one[1] in only]
        for number, (name, kind, arguments) in enumerate(chosen, 1):
            print(f"{number} of {len(chosen)}: {name}", file=sys.stderr, flush=True)
            given = {
                key: max(10, round(value * share))
                if key in ("max_steps", "total_steps") or (key == "eval_steps" and value)
                else value
                for key, value in arguments.items()
            }
            run = studio.run(Recording(name, kind, given))
            found += replayed(name, Path(run.directory))
        client.call(Shutdown(force=True), Done)
    return found


def replayed(name: str, directory: Path) -> list[tuple[str, Replay]]:
    """A run by both clocks, as far as there are."""
    run = replay(directory)
    by_cpu = computed(run) if run else None
    return [(name + word, one) for word, one in (("", run), (" cpu", by_cpu)) if one]


def table(runs: list[tuple[str, Replay]]) -> bool:
    """Print what was found; whether all are within MARK after a tenth."""
    head = "".join(f"{f'{share:.0%}':>9}" for share in SHARES)
    print(f"{'run':16}{'steps':>7}{'whole s':>9}{'start s':>9}{'end s':>7}  off at{head}")
    errors: dict[float, list[float]] = {share: [] for share in SHARES}
    for name, run in runs:
        cells = ""
        for share in SHARES:
            error = run.error(share)
            cells += f"{'-':>9}" if error is None else f"{error:>+9.1%}"
            if error is not None:
                errors[share].append(abs(error))
        print(
            f"{name:16}{run.total:>7}{run.whole:>9.1f}{run.starting:>9.1f}{run.ending:>7.1f}"
            f"        {cells}"
        )
    for word, figure in (("median", statistics.median), ("largest", max)):
        cells = "".join(f"{figure(e):>9.1%}" if (e := errors[s]) else f"{'-':>9}" for s in SHARES)
        print(f"{word:16}{'':32}        {cells}")
    within = "".join(
        f"{f'{sum(e <= MARK for e in errors[s])} of {len(errors[s])}':>9}" for s in SHARES
    )
    print(f"{f'within {MARK:.0%}':16}{'':32}        {within}")
    return all(error <= MARK for error in errors[0.1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a quarter of the steps")
    parser.add_argument("--keep", type=Path, help="make the workspace there, and keep it")
    parser.add_argument("--only", nargs="+", default=[], help="kinds of runs")
    parser.add_argument("runs", nargs="*", type=Path, help="directories of runs that have ended")
    given = parser.parse_args()
    if given.runs:
        found = [one for path in given.runs for one in replayed(path.name, path)]
        if not found:
            sys.exit("None of these is the directory of a run that finished.")
        table(found)
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = (given.keep or Path(temporary) / "workspace").resolve()
        found = make(root, given.only, 0.25 if given.quick else 1.0)
        good = table(found)
    sys.exit(not good)


if __name__ == "__main__":
    main()
