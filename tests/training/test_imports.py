"""Every run pays for what it imports: PPO, generate and score need none of TRL."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import rlhf_tui.training.ppo.run, rlhf_tui.generation.run, rlhf_tui.evaluation.score
import rlhf_tui.training.rloo, rlhf_tui.training.grpo
assert 'torch' not in sys.modules, 'a run is chosen before anything heavy is loaded'
import rlhf_tui.training.ppo.trainer, rlhf_tui.training.ppo.evaluate
import rlhf_tui.training.scoring, rlhf_tui.training.rendering, rlhf_tui.training.data
print(*sorted({'trl', 'peft', 'datasets', 'duckdb', 'textual'} & sys.modules.keys()))
"""


def test_ppo_generate_and_score_load_neither_trl_nor_data_sets() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
