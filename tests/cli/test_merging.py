"""`rlhf-tui merge`: from an adapter folder to a whole model, in a process that imports torch."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.tiny import save_policy

from rlhf_tui.cli.merging import merge
from rlhf_tui.config.options import SFTOptions
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.training import tuning

# PEFT still uses names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning"
)


def test_a_folder_is_merged_and_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = SFTOptions(model=str(save_policy(tmp_path / "base")), tune="lora", lora_rank=2)
    loaded = tuning.load_policy(options)
    model = tuning.prepare(loaded, options, "CAUSAL_LM")
    tuning.save(model, loaded.tokenizer, tmp_path / "adapter", merge=False)
    assert not (tmp_path / "adapter" / "config.json").exists()

    merge(str(tmp_path / "adapter"), tmp_path / "whole")
    told = capsys.readouterr()
    assert told.out.strip() == str(tmp_path / "whole") and "Merging" in told.err
    files = {path.name for path in (tmp_path / "whole").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= files
    with pytest.raises(UsageError, match="there already"):
        merge(str(tmp_path / "adapter"), tmp_path / "whole")
    with pytest.raises(InputError, match="whole model already"):
        merge(str(tmp_path / "whole"), tmp_path / "twice")
    assert not (tmp_path / "twice").exists()
