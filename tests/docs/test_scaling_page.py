"""The page on several processes: its configs are ones, its script is one, its names are all."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file

from rlhf_tui.runs import accelerating

PAGE = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found


def test_every_shipped_config_is_on_the_page_and_accelerate_takes_it() -> None:
    for name in accelerating.shipped():
        assert f"| `{name}` |" in PAGE
        load_config_from_file(str(accelerating.config_file(name)))


def test_the_pages_own_config_is_one(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    path = tmp_path / "two-nodes.yaml"
    path.write_text(text)
    config = accelerating.read_config(str(path))
    accelerating.check_config(str(path), config, 0, gpus=8)
    load_config_from_file(str(path))
    command = accelerating.command({"accelerate": str(path)}, ["work"], machine=1)
    assert command[command.index("--machine_rank") + 1] == "1"
    assert "--main_process_port" not in command, "the config names one for all machines"


def test_the_slurm_script_is_bash_around_a_config(tmp_path: Path) -> None:
    (script,) = blocks("bash")
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    subprocess.run([bash, "-n"], input=script, text=True, check=True)
    head, _, rest = script.partition("cat >")
    made = subprocess.run(
        [bash, "-c", "cat" + re.sub(r"^ \S+", "", rest.partition("python -m")[0], count=1)],
        env={"SLURM_NNODES": "2", "SLURM_JOB_ID": "41", "HEAD": "node-a", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    config = yaml.safe_load(made.stdout)
    assert (config["num_machines"], config["num_processes"]) == (2, 16)
    assert config["main_process_ip"] == "node-a"
    assert "HEAD=$(hostname)" in head
