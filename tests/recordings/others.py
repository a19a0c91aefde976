"""Recorded runs of other programs: what our own trainers do not let happen."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from rlhf_tui.sample_data import DIRECTORY as SAMPLE

STEPS = 50
PROCESSES = 2


def rate(target: Path) -> None:
    """TRL's SFTTrainer with a schedule made by hand for the steps of each of two processes, of
    which there is one: the rate is 0 from half of the run on."""
    import torch
    from datasets import Dataset
    from transformers import get_linear_schedule_with_warmup
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(1)
    rows = (SAMPLE / "demonstrations.jsonl").read_text().splitlines()
    with tempfile.TemporaryDirectory() as place:
        config = SFTConfig(
            place,
            max_steps=STEPS,
            per_device_train_batch_size=4,
            learning_rate=3e-4,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
            model_init_kwargs={"dtype": "float32"},
        )
        trainer = SFTTrainer(
            str(SAMPLE / "model"),
            config,
            train_dataset=Dataset.from_list([json.loads(row) for row in rows]),
        )
        trainer.create_optimizer()
        trainer.lr_scheduler = get_linear_schedule_with_warmup(
            trainer.optimizer, 0, STEPS // PROCESSES
        )
        trainer.train()
        trainer.save_state()
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        shutil.copy(Path(place) / "trainer_state.json", target)


OTHERS = {"trl-rate": rate}
"""Recordings by name, and what makes them."""
