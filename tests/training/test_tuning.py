"""Which weights are trained in each mode, how adapters are shaped, saved and loaded again."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import make_run, save_policy, tokenizer
from transformers import GPT2Config, GPT2LMHeadModel, OPTConfig, OPTForCausalLM

from rlhf_tui.config.combinations import check
from rlhf_tui.config.options import PPOOptions, RewardOptions, SFTOptions
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.training import merge, models, quantizing, reward_model, sft, tuning
from rlhf_tui.training.scoring import RewardScorer

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
CPU = torch.device("cpu")
TEXTS = ["Review 7:"] * 3, [" I adored it.", " It is dull.", " What a mess!"]


def trained(model: Any) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


def policy(path: Path, **options: Any) -> Any:
    chosen = SFTOptions(model=str(path), **options)
    return tuning.prepare(tuning.load_policy(chosen), chosen, "CAUSAL_LM")


def rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Review {i}:",
            "completion": " A warm film.",
            "chosen": " I adored it.",
            "rejected": " What a mess!",
            "weight": 1.0,
            "ranking_id": f"e{i}",
            "prompt_id": f"p{i}",
            "annotator": "ada",
        }
        for i in range(count)
    ]


def run(directory: Path, kind: str, model: Path, **more: Any) -> Path:
    given = {"model": str(model), "max_steps": 3, "batch_size": 4, "learning_rate": 1e-2}
    context = make_run(directory, kind, given | more, train=rows(8), validation=rows(2))
    {"sft": sft, "rm": reward_model}[kind].run(context)
    return context.model_dir


def test_full_trains_everything_and_the_last_layer_its_block_norm_and_head(tmp_path: Path) -> None:
    path = save_policy(tmp_path / "m")
    everything = trained(policy(path, tune="full"))
    assert "model.embed_tokens.weight" in everything and "lm_head.weight" in everything
    last = trained(policy(path, tune="last-layer"))
    block = {name for name in everything if name.startswith("model.layers.1.")}
    assert len(block) == 9, "attention, feed-forward and norms of the second of two blocks"
    assert last == block | {"model.norm.weight", "lm_head.weight"}


def test_a_reward_models_last_layer_holds_its_head(tmp_path: Path) -> None:
    options = RewardOptions(model=str(save_policy(tmp_path / "m")), tune="last-layer")
    found = trained(tuning.prepare(tuning.load_reward_model(options), options, "SEQ_CLS"))
    assert {name for name in found if "layers.1" not in name} == {
        "model.norm.weight",
        "score.weight",
    }


@pytest.mark.parametrize("kind", ["sft", "rm"])
def test_a_run_of_the_last_layer_moves_nothing_else(tmp_path: Path, kind: str) -> None:
    base = save_policy(tmp_path / "m")
    done = run(tmp_path / "run-1", kind, base, tune="last-layer")
    before = models.load_policy(str(base), CPU, trained=False).model.model.state_dict()
    load = models.load_policy if kind == "sft" else None
    loaded = (
        load(str(done), CPU, trained=False) if load else models.load_reward_model(str(done), CPU)
    )
    after = loaded.model.model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and {name.split(".")[0:2][1] for name in moved if "layers" in name} == {"1"}
    assert {name for name in moved if "layers" not in name} == {"norm.weight"}


def test_other_architectures_blocks_are_found_and_tied_heads_stay(tmp_path: Path) -> None:
    words = tokenizer()
    small: dict[str, Any] = {"vocab_size": len(words), "bos_token_id": 1, "eos_token_id": 2}
    gpt = GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=3, n_head=2, n_positions=32, **small))
    opt = OPTForCausalLM(
        OPTConfig(
            hidden_size=16,
            ffn_dim=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            word_embed_proj_dim=16,
            max_position_embeddings=32,
            **small,
        )
    )
    for name, model, block, norm in (
        ("gpt", gpt, "transformer.h.2.", "transformer.ln_f."),
        ("opt", opt, "model.decoder.layers.1.", "model.decoder.final_layer_norm."),
    ):
        model.save_pretrained(tmp_path / name)
        words.save_pretrained(tmp_path / name)
        found = trained(policy(tmp_path / name, tune="last-layer"))
        assert {n for n in found if not n.startswith(block)} == {norm + "weight", norm + "bias"}
        assert any(n.startswith(block) for n in found)


def test_where_the_last_block_cannot_be_told_is_a_sentence(tmp_path: Path) -> None:
    loaded = tuning.load_policy(SFTOptions(model=str(save_policy(tmp_path / "m"))))
    loaded.model.model.more = torch.nn.ModuleList([torch.nn.Linear(2, 2) for _ in range(2)])
    with pytest.raises(InputError, match=r"last block .* cannot be told"):
        tuning.prepare(loaded, SFTOptions(tune="last-layer"), "CAUSAL_LM")


def test_adapters_go_where_lora_target_says_with_rank_alpha_and_dropout(tmp_path: Path) -> None:
    path = save_policy(tmp_path / "m")
    model = policy(
        path, tune="lora", lora_rank=3, lora_alpha=12, lora_dropout=0.25, lora_target=["q_proj"]
    )
    found = trained(model)
    assert len(found) == 4 and all(".q_proj.lora_" in name for name in found)
    layer = model.get_submodule("base_model.model.model.layers.0.self_attn.q_proj")
    assert layer.lora_A["default"].weight.shape == (3, 16)
    assert layer.scaling["default"] == 4.0
    assert layer.lora_dropout["default"].p == 0.25
    everywhere = trained(policy(path, tune="lora"))
    assert len(everywhere) == 2 * 7 * 2, "seven linear layers a block, none at the head"


def test_a_target_that_the_model_lacks_gets_the_nearest_name(tmp_path: Path) -> None:
    path = save_policy(tmp_path / "m")
    with pytest.raises(UsageError, match=r"'q_porj'.*Did you mean 'q_proj'"):
        policy(path, tune="lora", lora_target=["v_proj", "q_porj"])
    options = RewardOptions(model=str(path), tune="lora", lora_target=["score"])
    with pytest.raises(UsageError, match="'score'"):
        tuning.prepare(tuning.load_reward_model(options), options, "SEQ_CLS")


def test_an_adapter_alone_serves_as_policy_reward_model_and_start(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "m")
    lora: dict[str, Any] = {"tune": "lora", "lora_rank": 2, "merge_adapter": False}
    first = run(tmp_path / "sft-1", "sft", base, **lora)
    assert (first / "adapter_config.json").exists() and not (first / "model.safetensors").exists()
    second = run(tmp_path / "sft-2", "sft", first, **lora, seed=1)
    named = json.loads((second / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert named == str(first), "an adapter on an adapter names it, and not what lies below"
    reward = run(tmp_path / "rm-1", "rm", second, **lora)
    assert (reward / "rendering.json").exists()
    alone = RewardScorer(str(reward), CPU).score(*TEXTS)

    merge.merge(reward, tmp_path / "whole")
    assert not (tmp_path / "whole" / "adapter_config.json").exists()
    assert RewardScorer(str(tmp_path / "whole"), CPU).score(*TEXTS) == pytest.approx(
        alone, abs=1e-5
    )
    assert (tmp_path / "whole" / "rendering.json").exists()
    merge.merge(second, tmp_path / "policy")
    ids = torch.arange(3, 12)[None]
    one, other, start = (
        models.load_policy(str(path), CPU, trained=False).model(ids).logits
        for path in (second, tmp_path / "policy", base)
    )
    assert torch.allclose(one, other, atol=1e-5) and not torch.allclose(one, start, atol=1e-3)

    again = run(tmp_path / "rm-2", "rm", reward)
    assert len(RewardScorer(str(again), CPU).score(*TEXTS)) == 3


def test_merging_refuses_what_is_there_and_what_is_whole(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "m")
    with pytest.raises(InputError, match="whole model already"):
        merge.merge(base, tmp_path / "out")
    with pytest.raises(InputError, match=r"no config\.json"):
        merge.merge(tmp_path, tmp_path / "out")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        merge.merge(base, tmp_path / "taken")
    assert (tmp_path / "taken" / "file").read_text() == "mine" and not (tmp_path / "out").exists()


def test_a_base_is_found_again_in_a_moved_workspace_or_its_absence_said(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "old" / "sft-1" / "model")
    lora = {"tune": "lora", "lora_rank": 2, "merge_adapter": False}
    run(tmp_path / "old" / "sft-2", "sft", base, **lora)
    (tmp_path / "old").rename(tmp_path / "new")
    moved = tmp_path / "new" / "sft-2" / "model"
    models.load_policy(str(moved), CPU, trained=False)
    shutil.rmtree(tmp_path / "new" / "sft-1")
    with pytest.raises(InputError, match=r"made for the model .*, which is not there"):
        models.load_policy(str(moved), CPU, trained=False)
    with pytest.raises(InputError, match="not a reward model"):
        models.load_reward_model(str(moved), CPU)


def test_quantization_without_bitsandbytes_and_without_an_adapter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "bitsandbytes" else find(n, *a)
    )
    options = SFTOptions(model=str(save_policy(tmp_path / "m")), tune="lora", quantization="4bit")
    for attempt in (lambda: check("sft", options), lambda: tuning.load_policy(options)):
        with pytest.raises(UsageError, match="pip install bitsandbytes"):
            attempt()
    with pytest.raises(UsageError, match="freezes the weights"):
        check("ppo", PPOOptions(quantization="8bit", tune="full"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: object())
    (tmp_path / "m" / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be merged into quantized weights"):
        quantizing.load(None, str(tmp_path / "m"), CPU, "4bit", torch.float32)


def test_an_adapter_of_a_reward_model_whose_vocabulary_grew_loads_and_merges(
    tmp_path: Path,
) -> None:
    """A tokenizer with EOS alone gets a pad token of its own, and the model a row for it."""
    base = save_policy(tmp_path / "m")
    words = tokenizer()
    words.pad_token = words.eos_token
    words.unk_token = None
    words.save_pretrained(base)
    made = run(tmp_path / "rm-1", "rm", base, tune="lora", lora_rank=2, merge_adapter=False)
    loaded = models.load_reward_model(str(made), CPU)
    assert loaded.tokenizer.pad_token_id != loaded.tokenizer.eos_token_id
    assert loaded.model.get_input_embeddings().num_embeddings == len(words) + 1
    alone = RewardScorer(str(made), CPU).score(*TEXTS)
    merge.merge(made, tmp_path / "whole")
    again = RewardScorer(str(tmp_path / "whole"), CPU).score(*TEXTS)
    assert again == pytest.approx(alone, abs=1e-5)
    assert len(set(alone)) == 3
