"""The proof's report: figures, targets, sample texts; as JSON and as tables for a terminal."""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rlhf_tui.demo.measure import PolicyFigures, RewardFigures, Target
from rlhf_tui.evaluation.agreement import PairAgreement


class SamplePair(msgspec.Struct):
    """What the base model and the trained policy made of one test prompt, same seed."""

    prompt: str
    before: str
    after: str


class Report(msgspec.Struct):
    """Everything that `demo --auto --json` prints."""

    seed: int
    seconds: float
    workspace: str
    labelled_prompts: int
    rankings: int
    thumbs: int
    agreement: list[PairAgreement]
    reward_model: RewardFigures
    policies: list[PolicyFigures]
    """Base, SFT and PPO, in this order."""
    targets: list[Target]
    samples: list[SamplePair]
    exports: dict[str, int]
    """Parquet file → rows."""
    runs: dict[str, str]
    """Stage → run id."""
    stage_seconds: dict[str, float]
    reached: bool


def print_report(report: Report, console: Console) -> None:
    """The before/after tables that end the demo."""
    policies = Table(title="Test prompts, temperature 1, same seeds", title_justify="left")
    policies.add_column("")
    for name in ("positive", "distinct", "tokens", "derivable", "ended", "KL to SFT"):
        policies.add_column(name, justify="right")
    for figures in report.policies:
        kl = "" if figures.kl_to_reference is None else f"{figures.kl_to_reference:.1f} nats"
        policies.add_row(
            figures.model,
            f"{figures.positive:.1%}",
            f"{figures.distinct:.1%}",
            f"{figures.mean_tokens:.1f}",
            f"{figures.derivable:.1%}",
            f"{figures.ended:.1%}",
            kl,
        )
    console.print(policies)
    checks = Table(title="Targets", title_justify="left")
    checks.add_column("figure")
    checks.add_column("value", justify="right")
    checks.add_column("bound", justify="right")
    checks.add_column("")
    for target in report.targets:
        sign = ">=" if target.at_least else "<="
        checks.add_row(
            target.name,
            f"{target.value:.3f}",
            f"{sign} {target.bound:g}",
            "reached" if target.reached else "MISSED",
        )
    console.print(checks)
    samples = Table(title="The same prompt before and after", title_justify="left", show_lines=True)
    samples.add_column("before (base)", ratio=1)
    samples.add_column("after (PPO)", ratio=1)
    for pair in report.samples:
        samples.add_row(
            Text.assemble((pair.prompt, "bold"), pair.before),
            Text.assemble((pair.prompt, "bold"), pair.after),
        )
    console.print(samples)
    console.print(
        f"{report.rankings:,} rankings and {report.thumbs:,} thumbs on "
        f"{report.labelled_prompts:,} prompts in {report.seconds:.0f} s; seed {report.seed}."
    )
    console.print(f"Everything is in {report.workspace}", soft_wrap=True, highlight=False)
