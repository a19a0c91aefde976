"""A reward model of ours that comes from the Hub is scored as it was trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
from helpers.hub_server import Repo, serving_hub
from helpers.tiny import save_policy, save_reward_model, tokenizer
from helpers.trainings import train, training

from rlhf_tui.training.rendering import rendering_for, save_rendering
from rlhf_tui.training.scoring import RewardScorer

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
# A process of its own: the libraries read where the Hub is when they are imported.
SCORE = """
import sys, torch
from rlhf_tui.training.scoring import RewardScorer
torch.set_num_threads(1)
scorer = RewardScorer(sys.argv[1], torch.device("cpu"))
print("score", scorer.score(["Is it good?"], [" It is a mess, all of it."])[0])
"""


def score_of_folder(folder: Path) -> float:
    scorer = RewardScorer(str(folder), torch.device("cpu"))
    return scorer.score(["Is it good?"], [" It is a mess, all of it."])[0]


def score(ref: str, **environment: str) -> tuple[float, str]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCORE, ref],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, _, number = done.stdout.rpartition("score ")
    return float(number), said


def test_an_adapter_of_the_hub_is_scored_as_its_folder(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "base")
    chosen = {"tune": "lora", "merge_adapter": False, "max_steps": 2}
    folder = train(training("rm", tmp_path / "rm-1", base, **chosen)).model_dir
    here = score_of_folder(folder)
    online = {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    named = json.dumps(str(base)).encode()
    assert named in files["adapter_config.json"]
    files["adapter_config.json"] = files["adapter_config.json"].replace(named, b'"me/base"')
    with serving_hub() as hub:
        whole = {path.name: path.read_bytes() for path in base.iterdir()}
        hub.repos["models", "me/base"] = Repo(private=False, files=whole)
        hub.repos["models", "me/likes"] = Repo(private=False, files=files)
        there, _ = score("me/likes", HF_ENDPOINT=hub.url, **online)
    assert there == here


@pytest.mark.parametrize("ours", [True, False])
def test_a_reward_model_of_the_hub_is_scored_as_its_folder(tmp_path: Path, ours: bool) -> None:
    folder = save_reward_model(tmp_path / "model")
    foreign = score_of_folder(folder)
    # Cut and ended as no foreign classifier is.
    made = msgspec.structs.replace(rendering_for(tokenizer(), 6), append_eos=True)
    if ours:
        save_rendering(folder, made)
    here = score_of_folder(folder)
    assert (here != foreign) == ours
    online = {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
    with serving_hub() as hub:
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        hub.repos["models", "me/likes"] = Repo(private=False, files=files)
        there, said = score("me/likes", HF_ENDPOINT=hub.url, **online)
    assert there == here and not said
    # From the cache alone: what was not fetched cannot be told from what is not there.
    again, said = score("me/likes", **online | {"HF_HUB_OFFLINE": "1"})
    assert again == here
    assert ("cannot be told whether 'me/likes' has a rendering.json" in said) != ours
