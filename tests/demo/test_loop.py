"""The loop of the proof, small: every stage for real, by background processes, in one workspace."""

import io
import json
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from rlhf_tui.demo.auto import SETTINGS
from rlhf_tui.demo.loop import Loop, Scale
from rlhf_tui.demo.report import Report, print_report
from rlhf_tui.demo.stages import Stages
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Done as HubDone
from rlhf_tui.hub.messages import Progress, ProgressAnswer, Shutdown
from rlhf_tui.workspace import init_workspace

SMALL = Scale(
    labelled_prompts=24,
    test_prompts=12,
    next_round=3,
    training={
        "sft": {"max_steps": 2},
        "rm": {"max_steps": 4},
        "ppo": {"total_steps": 2, "rollout_batch_size": 8, "eval_prompts": 4, "eval_steps": 1},
    },
)


@pytest.mark.timeout(600)
def test_from_prompts_to_the_next_round(tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "loop", name="demo", seed=5, settings=SETTINGS)
    told = io.StringIO()
    with Stages(Console(file=told)) as stages, HubClient(workspace, client="demo") as client:
        report = Loop(workspace, client, stages, 5, SMALL).run()
        progress = client.call(Progress(), ProgressAnswer)
        client.call(Shutdown(force=True), HubDone)

    assert report.labelled_prompts == 24
    assert (report.rankings, report.thumbs) == (24 * 3, 24 * 4)
    assert [p.model for p in report.policies] == ["base", "SFT", "PPO"]
    assert [p.completions for p in report.policies] == [48, 48, 48]
    assert report.policies[2].kl_to_reference is not None
    assert report.reward_model.pairs > 30
    assert len(report.agreement) == 3
    # The policy's completions wait to be labelled: the loop is closed.
    assert progress.rank.judgements_wanted - progress.rank.judgements == 3 * 3

    for name, rows in report.exports.items():
        assert pq.read_metadata(workspace.exports / name).num_rows == rows > 0
    assert report.exports["rankings.parquet"] == report.rankings + report.thumbs
    assert "PPO: " in told.getvalue()
    for kind in ("sft-0001", "rm-0001", "ppo-0001"):
        lines = (workspace.runs / kind / "metrics.jsonl").read_text().splitlines()
        assert json.loads(lines[0])["step"] <= 1
        assert (workspace.runs / kind / "model" / "config.json").exists()

    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    shown = io.StringIO()
    print_report(report, Console(file=shown, width=80))
    assert "Test prompts" in shown.getvalue()
    assert report.samples[0].prompt.split()[0] in shown.getvalue()
