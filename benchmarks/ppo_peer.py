"""TRL's PPO as a side of the benchmark; runs in an environment that has TRL 1.12.0 and not us."""

from __future__ import annotations

import sys
import tempfile
import time
from typing import Any

import torch
from datasets import Dataset
from ppo_side import Case, Gate
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    TrainerCallback,
)
from trl.experimental import ppo
from trl.experimental.ppo import ppo_trainer

SHOWN = ("objective/scores", "objective/kl", "objective/entropy", "val/num_eos_tokens")


class Turns(TrainerCallback):
    """Holds the trainer between its updates."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._figures: dict[str, float] = {}

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._gate.open()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self._figures = {name: logs[name] for name in SHOWN if name in logs}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._gate.close(**self._figures)
        if state.global_step < state.max_steps:
            self._gate.open()


def count_generation(gate: Gate, eos: int | None) -> None:
    """Let the gate know of TRL's generation: its time, and tokens up to the end of a response."""
    generate = ppo_trainer.batch_generation

    def counted(model: Any, queries: Any, *rest: Any) -> Any:
        began = time.perf_counter()
        found = generate(model, queries, *rest)
        gate.writing += time.perf_counter() - began
        responses = found[0][:, queries.shape[1] :]
        gate.tokens += sum(
            row.index(eos) + 1 if eos is not None and eos in row else len(row)
            for row in responses.tolist()
        )
        return found

    ppo_trainer.batch_generation = counted


def main() -> None:
    case = Case.load(sys.argv[1])
    if case.threads:
        torch.set_num_threads(case.threads)
    torch.manual_seed(case.seed)
    tokenizer = AutoTokenizer.from_pretrained(case.policy, padding_side="left")

    def policy() -> Any:
        return AutoModelForCausalLM.from_pretrained(case.policy, dtype=torch.float32)

    def scorer() -> Any:
        return AutoModelForSequenceClassification.from_pretrained(
            case.reward, num_labels=1, dtype=torch.float32
        )

    gate = Gate()
    count_generation(gate, tokenizer.eos_token_id)
    with tempfile.TemporaryDirectory() as directory:
        arguments = ppo.PPOConfig(
            output_dir=directory,
            seed=case.seed,
            per_device_train_batch_size=case.batch,
            gradient_accumulation_steps=1,
            num_mini_batches=case.minibatches,
            num_ppo_epochs=case.epochs,
            total_episodes=case.batch * case.updates,
            local_rollout_forward_batch_size=case.batch,
            response_length=case.response,
            stop_token="eos",
            temperature=1.0,
            missing_eos_penalty=case.missing_eos_penalty,
            kl_coef=case.kl_coef,
            learning_rate=case.learning_rate,
            lr_scheduler_type="constant",
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            num_sample_generations=0,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = ppo.PPOTrainer(
            args=arguments,
            processing_class=tokenizer,
            model=policy(),
            ref_model=policy(),
            reward_model=scorer(),
            value_model=scorer(),
            train_dataset=Dataset.from_dict(
                {"input_ids": [tokenizer(p)["input_ids"] for p in case.prompts]}
            ),
            eval_dataset=Dataset.from_dict(
                {"input_ids": [tokenizer(p)["input_ids"] for p in case.prompts[: case.batch]]}
            ),
            callbacks=[Turns(gate)],
        )
        trainer.train()


if __name__ == "__main__":
    main()
