"""Options of training: what all trainers share, and those of SFT and the reward model."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from rlhf_tui.config.option_types import Options, Pairs, PositiveInt, Samples


class TrainOptions(Options):
    """What all trainers share."""

    model: Annotated[
        str,
        Meta(
            description="Starting model: path, hub id, run id, 'current' for the promoted run's,"
            " or 'sample' for the bundled one"
        ),
    ] = "sample"
    dataset: Annotated[
        str,
        Meta(
            description="Train on a file that import knows instead of the workspace's labels;"
            " nothing of it is imported"
        ),
    ] = ""
    dataset_format: Annotated[
        str, Meta(description="The file's format, as for import; auto: by its columns")
    ] = "auto"
    tune: Annotated[
        Literal["full", "lora", "last-layer"],
        Meta(
            description="Train all weights, a LoRA adapter, or the last block with the head alone"
        ),
    ] = "full"
    lora_rank: Annotated[PositiveInt, Meta(description="Rank r of the adapter")] = 16
    lora_alpha: Annotated[
        PositiveInt, Meta(description="α of the adapter: its output is scaled by α/r")
    ] = 32
    lora_dropout: Annotated[float, Meta(ge=0, lt=1, description="Dropout before the adapter")] = 0.0
    lora_target: Annotated[
        list[str],
        Meta(description="Names of the modules that get an adapter; empty: all linear layers"),
    ] = []
    merge_adapter: Annotated[
        bool, Meta(description="Save a whole model at the end, the adapter merged into its base")
    ] = True
    quantization: Annotated[
        Literal["none", "8bit", "4bit"],
        Meta(description="Load the frozen weights in 8 or 4 bits (bitsandbytes; with lora only)"),
    ] = "none"
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"],
        Meta(description="Of the matrix work; auto: bf16 where the device has it, else fp32"),
    ] = "auto"
    learning_rate: Annotated[
        float, Meta(ge=0, description="Peak learning rate of AdamW; 0: by the model's size")
    ] = 0.0
    schedule: Annotated[
        Literal["linear", "cosine", "constant_with_warmup"],
        Meta(description="How the learning rate goes from its peak to the end"),
    ] = "linear"
    weight_decay: Annotated[float, Meta(ge=0, description="Weight decay of AdamW")] = 0.0
    batch_size: Annotated[PositiveInt, Meta(description="Rows a forward pass, per process")] = 32
    auto_batch: Annotated[
        bool,
        Meta(
            description="When memory runs out, go on with half the batch size and twice the"
            " accumulation"
        ),
    ] = False
    gradient_checkpointing: Annotated[
        bool, Meta(description="Save memory by computing activations again in the backward pass")
    ] = False
    max_length: Annotated[PositiveInt, Meta(description="Longest row, tokens")] = 512
    max_grad_norm: Annotated[float, Meta(gt=0, description="Gradients are clipped to it")] = 1.0
    warmup_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of steps in which the rate rises from 0")
    ] = 0.0
    logging_steps: Annotated[PositiveInt, Meta(description="Steps between metric lines")] = 1
    save_steps: Annotated[
        int, Meta(ge=0, description="Steps between checkpoints; 0: only at a stop")
    ] = 0
    keep_checkpoints: Annotated[
        PositiveInt, Meta(description="Checkpoints kept, the newest ones")
    ] = 2
    report_to: Annotated[
        list[Literal["tensorboard", "wandb", "trackio"]],
        Meta(description="Send the figures there as well; our own log is always written"),
    ] = []
    accelerate: Annotated[
        str,
        Meta(
            description="Run under `accelerate launch`: auto (a process a GPU), a shipped config"
            " (cpu, ddp, fsdp2, deepspeed-zero2, deepspeed-zero3), or a config file's path"
        ),
    ] = ""
    processes: Annotated[
        int, Meta(ge=0, description="Processes under --accelerate; 0: as its config says")
    ] = 0


class EpochOptions(TrainOptions):
    """Of trainers that pass over rows that are there from the start."""

    gradient_accumulation: Annotated[
        PositiveInt, Meta(description="Forward passes an optimizer step")
    ] = 1
    epochs: Annotated[float, Meta(gt=0, description="Passes over the data")] = 1.0
    max_steps: Annotated[
        int, Meta(ge=0, description="Stop after so many optimizer steps; 0: by epochs")
    ] = 0
    eval_steps: Annotated[
        int, Meta(ge=0, description="Steps between evaluations; 0: once, at the end")
    ] = 0


class JudgementOptions(EpochOptions):
    """What becomes of several people's judgements of one item; see `dataset.aggregation`."""

    aggregate: Annotated[
        Literal["all", "majority", "unanimous", "dawid-skene", "bradley-terry"],
        Meta(
            description="Judgements of one item by several people: all count, or one decision"
            " is made of them by majority, unanimity, or weighed by reliability"
        ),
    ] = "all"
    min_agreement: Annotated[
        float,
        Meta(ge=0, le=1, description="Leave out what a smaller share of the deciders agrees on"),
    ] = 0.0
    min_judgements: Annotated[
        PositiveInt, Meta(description="Leave out what fewer people have decided")
    ] = 1
    gold: Annotated[
        bool, Meta(description="Learn from gold items too; they are there to measure people")
    ] = False


class SFTOptions(JudgementOptions):
    epochs: Annotated[float, Meta(gt=0, description="Passes over the data")] = 2.0
    include: Annotated[
        list[Literal["thumbs-up", "best-ranked"]],
        Meta(description="Learn from liked completions too, beside the demonstrations"),
    ] = []
    loss_on: Annotated[
        Literal["response", "all"], Meta(description="Which tokens the loss counts")
    ] = "response"
    packing: Annotated[
        bool,
        Meta(description="Fill rows of max_length with several examples: less padding (bfd)"),
    ] = False
    samples: Samples = 4


class RewardOptions(JudgementOptions):
    batch_size: Annotated[
        PositiveInt, Meta(description="Prompts a forward pass; each of their texts is read once")
    ] = 8
    epochs: Annotated[float, Meta(gt=0, description="Passes over the data")] = 3.0
    pairs: Pairs = "all"
    center_rewards: Annotated[
        float, Meta(ge=0, description="Weight of the term that pulls the mean reward to 0")
    ] = 0.01
    margin: Annotated[
        float,
        Meta(
            ge=0,
            description="Difference of rewards asked for by each point of a preference's strength;"
            " 0: strength is not used",
        ),
    ] = 0.0
    label_smoothing: Annotated[
        float, Meta(ge=0, lt=0.5, description="Probability that a label is taken to be wrong")
    ] = 0.0
    learning_curve: Annotated[
        bool,
        Meta(
            description="Train on 1/8, 1/4 and 1/2 of the prompts first, to see whether more"
            " labels still help"
        ),
    ] = False
