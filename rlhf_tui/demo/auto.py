"""`rlhf-tui demo --auto`: the whole loop without a person, and the proof that it works.

Everything goes through the doors that people use: hub operations as annotators, background runs,
exports. The lexicon is known to the simulated annotators and to the final measurement only.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console

from rlhf_tui.demo.loop import Loop
from rlhf_tui.demo.report import print_report
from rlhf_tui.demo.stages import Stages
from rlhf_tui.errors import RunFailed
from rlhf_tui.hub.client import HubClient
from rlhf_tui.workspace import init_workspace

SETTINGS = {"label": {"overlap": 3, "thumbs_overlap": 1}}
"""All three annotators rank every item, so that their agreement shows; a thumb is given once."""


def run_auto(directory: Path, *, seed: int, json_output: bool) -> int:
    """Run the loop in a new workspace at `directory`; returns the exit code.

    Returns:
        0 when every target is reached, else RunFailed's code.

    Raises:
        RlhfError: a stage failed; its sentence names the run and its log.
    """
    console = Console(stderr=True)
    started = time.monotonic()
    workspace = init_workspace(directory, name="demo", seed=seed, settings=SETTINGS)
    with Stages(console) as stages, HubClient(workspace, client="demo") as client:
        report = Loop(workspace, client, stages, seed).run()
    report.seconds = time.monotonic() - started
    if json_output:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    else:
        print_report(report, Console())
    return 0 if report.reached else RunFailed.exit_code
