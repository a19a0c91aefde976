"""Several processes for one run: Accelerate's config, and the command that starts them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.runs.ranks import VARIABLES

CONFIGS = Path(__file__).with_name("accelerate")
"""The shipped ones, a file each."""
AUTO = "auto"
ON_CPU = "cpu"
VISIBLE = "CUDA_VISIBLE_DEVICES"
LAUNCHER = (sys.executable, "-P", "-m", "accelerate.commands.launch")


def shipped() -> list[str]:
    """Names of the configs that come with the program."""
    return sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def config_file(named: str) -> Path:
    """The file of a shipped config's name, or of a path."""
    inside = CONFIGS / f"{named}.yaml"
    return inside if inside.is_file() else Path(named)


def read_config(named: str) -> dict[str, Any]:
    """What a config says.

    Raises:
        UsageError: there is no such file or name, or it is no config of Accelerate's.
    """
    import yaml

    path = config_file(named)
    if not path.is_file():
        raise UsageError(
            f"There is no Accelerate config {named!r}.",
            hint=f"Name a file, or one of these. {nearest(named, [AUTO, *shipped()])}",
        )
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        words = " ".join(str(error).split())
        raise UsageError(f"The Accelerate config {path} cannot be read: {words}.") from error
    if not isinstance(found, dict) or "distributed_type" not in found:
        raise UsageError(
            f"{path} is no Accelerate config: it names no distributed_type.",
            hint="`accelerate config --config_file FILE` writes one.",
        )
    return found


def check_config(named: str, config: Mapping[str, Any], processes: int, gpus: int) -> None:
    """Refuse what could not start here.

    Args:
        processes: as asked for; 0: as the config says.
        gpus: that the run sees on this machine.

    Raises:
        UsageError: says what is missing.
    """
    kind = str(config["distributed_type"])
    if kind == "DEEPSPEED" and importlib.util.find_spec("deepspeed") is None:
        raise UsageError(
            f"accelerate = {named!r} needs DeepSpeed, which is not installed.",
            hint="Install it (pip install deepspeed), or use fsdp2, which needs only torch.",
        )
    if kind == "MULTI_CPU":
        raise UsageError(
            "Accelerate starts distributed_type MULTI_CPU by mpirun, which runs here do not use.",
            hint="Use accelerate = 'cpu', or write MULTI_GPU with use_cpu: true.",
        )
    if not on_cpu(config) and not gpus:
        raise UsageError(
            f"accelerate = {named!r} takes a GPU a process, and this machine has none.",
            hint="Use accelerate = 'cpu' to try it out without a GPU.",
        )
    machines = int(config.get("num_machines") or 1)
    wanted = processes or int(config.get("num_processes") or 0)
    if wanted < 1:
        raise UsageError(
            f"The Accelerate config {named!r} says no num_processes.", hint="Use --processes N."
        )
    if wanted % machines:
        raise UsageError(
            f"{wanted} processes cannot be shared evenly by {machines} machines.",
            hint=f"Use a multiple of {machines} for --processes.",
        )
    if not on_cpu(config) and wanted // machines > gpus:
        raise UsageError(
            f"accelerate = {named!r} takes a GPU for each of {wanted // machines} processes, and "
            f"this machine has {gpus}.",
            hint="Use fewer --processes.",
        )


def on_cpu(config: Mapping[str, Any]) -> bool:
    return bool(config.get("use_cpu"))


def is_launched(arguments: Mapping[str, Any]) -> bool:
    """Whether a run's workers are started by Accelerate."""
    return bool(arguments.get("accelerate"))


def command(
    arguments: Mapping[str, Any], worker: Sequence[str], machine: int | None = None
) -> list[str]:
    """What to start for a run: its worker alone, or Accelerate with as many of it as were asked.

    Args:
        arguments: the run's own.
        worker: the command of one worker, run directory included.
        machine: this machine's number among several; None: as the config says.

    Raises:
        UsageError: as `read_config`.
    """
    if not is_launched(arguments):
        return list(worker)
    named = str(arguments["accelerate"])
    options = ["--config_file", str(config_file(named))]
    processes = int(arguments.get("processes", 0))
    if processes:
        options += ["--num_processes", str(processes)]
    if machine is not None:
        options += ["--machine_rank", str(machine)]
    if int(read_config(named).get("num_machines") or 1) == 1:
        # Any free one: the usual port is the same for every run.
        options += ["--main_process_port", "0"]
    return [*LAUNCHER, *options, "--no_python", *worker]


def adapt_environment(
    environment: dict[str, str], arguments: Mapping[str, Any], device: str
) -> None:
    """Make the environment of a run's workers fit: none of another job's ranks, its own devices.

    Args:
        device: the run's place in the queue, several GPUs as `cuda:0,1`.
    """
    for name in VARIABLES:
        environment.pop(name, None)
    if not is_launched(arguments):
        return
    if on_cpu(read_config(str(arguments["accelerate"]))):
        environment["ACCELERATE_USE_CPU"] = "true"
    elif device.startswith("cuda:"):
        visible = [name for name in environment.get(VISIBLE, "").split(",") if name.strip()]
        numbers = [int(number) for number in device.removeprefix("cuda:").split(",")]
        chosen = [visible[n] if n < len(visible) else str(n) for n in numbers]
        environment[VISIBLE] = ",".join(chosen)
