"""Loading: what can serve as what, in sentences; devices, pad tokens, learning rates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from helpers.tiny import language_model, save_policy, save_reward_model, tokenizer
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer

from rlhf_tui.config.options import DPOOptions, Options, SFTOptions
from rlhf_tui.config.rates import learning_rate
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.training import models
from rlhf_tui.training.scoring import RewardScorer

CPU = torch.device("cpu")


def refused(path: Path | str, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        models.load_policy(str(path), CPU, trained=False)
    assert "\n" not in str(caught.value)


def test_what_is_no_model_is_said_in_a_sentence(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "no model at")
    (tmp_path / "file.txt").write_text("hello")
    refused(tmp_path / "file.txt", "a file, not a model folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", r"no config\.json")
    refused("no-such-org/no-such-model", "cannot be loaded")


def test_damaged_models_are_said_in_a_sentence(tmp_path: Path) -> None:
    broken = save_policy(tmp_path / "json")
    (broken / "config.json").write_text("{")
    refused(broken, "not valid JSON")
    weightless = save_policy(tmp_path / "weightless")
    (weightless / "model.safetensors").unlink()
    refused(weightless, "no weights")
    cut = save_policy(tmp_path / "cut")
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:500])
    refused(cut, "cannot be loaded")
    strange = save_policy(tmp_path / "strange")
    config = json.loads((strange / "config.json").read_text()) | {"model_type": "unheard-of"}
    (strange / "config.json").write_text(json.dumps(config))
    refused(strange, "cannot be loaded")


def test_a_reward_model_is_no_policy_and_a_policy_no_reward_model(tmp_path: Path) -> None:
    refused(save_reward_model(tmp_path / "rm"), "is a reward model or classifier")
    with pytest.raises(InputError, match="is not a reward model"):
        models.load_reward_model(str(save_policy(tmp_path / "lm")), CPU)


@pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own call
def test_a_head_that_is_not_in_the_files_never_scores(tmp_path: Path) -> None:
    """Whatever the config says: a policy's weights, an adapter of a policy's body alone."""
    pretender = save_policy(tmp_path / "pretender")
    config = json.loads((pretender / "config.json").read_text())
    config["architectures"] = ["LlamaForSequenceClassification"]
    (pretender / "config.json").write_text(json.dumps(config))
    adapter = tmp_path / "adapter"
    shape = LoraConfig(r=2, target_modules="all-linear")
    get_peft_model(language_model(32), shape).save_pretrained(adapter)
    AutoTokenizer.from_pretrained(pretender).save_pretrained(adapter)
    named = json.loads((adapter / "adapter_config.json").read_text())
    named["base_model_name_or_path"] = str(save_policy(tmp_path / "lm"))
    (adapter / "adapter_config.json").write_text(json.dumps(named))
    for path in (pretender, adapter):
        with pytest.raises(InputError, match=r"score\.weight, so that its scores would be random"):
            models.load_reward_model(str(path), CPU)


def test_a_classifier_of_several_labels_needs_one_named(tmp_path: Path) -> None:
    path = str(save_reward_model(tmp_path / "c", labels=3))
    with pytest.raises(UsageError, match="3 labels"):
        RewardScorer(path, CPU)
    with pytest.raises(UsageError, match="no label 'LABEL_9'"):
        RewardScorer(path, CPU, label="LABEL_9")
    first, last = (
        RewardScorer(path, CPU, label=f"LABEL_{i}").score(["A"], [" film."]) for i in (0, 2)
    )
    assert first != last


def test_scores_do_not_depend_on_neighbours_or_order(tmp_path: Path) -> None:
    scorer = RewardScorer(str(save_reward_model(tmp_path / "rm")), CPU, batch_size=2)
    texts = [" film.", " film about a plumber in Paris.", " a dog.", ""]
    together = scorer.score(["The"] * 4, texts)
    alone = [scorer.score(["The"], [text])[0] for text in texts]
    assert together == pytest.approx(alone, abs=1e-5)
    assert scorer.score(["The"] * 4, texts[::-1]) == pytest.approx(together[::-1], abs=1e-5)


def test_a_classifier_without_a_pad_token_scores_batches(tmp_path: Path) -> None:
    path = save_reward_model(tmp_path / "rm")
    config = json.loads((path / "config.json").read_text())
    expected = RewardScorer(str(path), CPU).score(["A", "A dull"], [" film.", " plot."])
    (path / "config.json").write_text(json.dumps(config | {"pad_token_id": None}))
    found = RewardScorer(str(path), CPU).score(["A", "A dull"], [" film.", " plot."])
    assert found == pytest.approx(expected, abs=1e-6)


def test_pad_that_is_eos_is_replaced_for_reward_models(tmp_path: Path) -> None:
    """Else the EOS at which the model scores would count as padding."""
    path = tmp_path / "m"
    words = tokenizer()
    words.pad_token = words.eos_token
    language_model(len(words)).save_pretrained(path)
    words.save_pretrained(path)
    loaded = models.start_reward_model(str(path), CPU, full=True)
    assert loaded.tokenizer.pad_token_id != loaded.tokenizer.eos_token_id
    assert loaded.model.config.pad_token_id == loaded.tokenizer.pad_token_id
    assert loaded.model.get_input_embeddings().num_embeddings >= len(loaded.tokenizer)


def test_devices() -> None:
    assert models.device_of(Options(device="cpu")).type == "cpu"
    for name, words in (("tpu9", "not a device"), ("cuda:99", "not there")):
        with pytest.raises(UsageError, match=words):
            models.device_of(Options(device=name))


def test_the_learning_rate_follows_the_models_size_unless_given() -> None:
    assert learning_rate(SFTOptions(learning_rate=3e-3), "sft", 10) == 3e-3
    small, middle, large = (learning_rate(SFTOptions(), "sft", n) for n in (10**6, 10**8, 10**10))
    assert small > middle > large
    lora = learning_rate(SFTOptions(tune="lora"), "sft", 10**10)
    assert lora == pytest.approx(10 * large)
    small = learning_rate(DPOOptions(tune="lora"), "dpo", 10**6)
    assert small > learning_rate(DPOOptions(), "dpo", 10**6)
