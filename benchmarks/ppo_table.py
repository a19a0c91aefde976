"""Figures of the PPO benchmark as a table, and whether the targets are met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ppo_race import Racer


@dataclass(frozen=True)
class Target:
    side: str
    against: str
    what: Literal["speed", "time", "memory"]
    """speed: updates per second as a multiple; time: seconds as a share; memory: a share."""
    bound: float
    """At least, for speed; at most, for the others."""

    def value(self, racers: dict[str, Racer], clock: str = "seconds") -> float:
        """The figure that is held against the bound.

        Args:
            clock: seconds of wall clock, or processor for those of the CPUs.
        """
        one, other = racers[self.side], racers[self.against]
        if self.what == "memory":
            return peak(one) / peak(other)
        # Turn by turn: what else the machine did in that minute met both.
        shares = [a[clock] / b[clock] for a, b in zip(one.updates, other.updates, strict=True)]
        share = statistics.median(shares)
        return 1 / share if self.what == "speed" else share

    def met(self, value: float) -> bool:
        return value >= self.bound if self.what == "speed" else value <= self.bound

    def words(self) -> str:
        named = {
            "speed": f"updates/s of {self.side} as a multiple of {self.against}",
            "time": f"seconds of {self.side} as a multiple of {self.against}",
            "memory": f"peak memory of {self.side} as a share of {self.against}",
        }
        return f"{named[self.what]} {'≥' if self.what == 'speed' else '≤'} {self.bound:g}"


def peak(racer: Racer) -> float:
    return max(update["peak"] for update in [racer.warm_up, *racer.updates])


def summary(racer: Racer) -> dict[str, float]:
    def median(name: str) -> float:
        return statistics.median(update[name] for update in racer.updates)

    return {
        "seconds": median("seconds"),
        "cpu_seconds": median("processor"),
        "seconds_generating": median("writing"),
        "tokens_per_second": statistics.median(
            update["tokens"] / update["seconds"] for update in racer.updates
        ),
        "tokens": statistics.fmean(update["tokens"] for update in racer.updates),
        "peak_megabytes": peak(racer) / 1e6,
        "updates": len(racer.updates),
    }


def report(
    name: str, title: str, racers: Sequence[Racer], targets: Sequence[Target]
) -> dict[str, Any]:
    """Print a case's table; returns its figures."""
    by_name = {racer.name: racer for racer in racers}
    print(f"\n{title} ({len(racers[0].updates)} updates each, medians)\n")
    print("| side | s/update | CPU s/update | generating | tokens/s | tokens | peak MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    sides = {racer.name: summary(racer) for racer in racers}
    for side, found in sides.items():
        print(
            f"| {side} | {found['seconds']:.3f} | {found['cpu_seconds']:.3f} "
            f"| {found['seconds_generating']:.3f} | {found['tokens_per_second']:.0f} "
            f"| {found['tokens']:.0f} | {found['peak_megabytes']:.0f} |"
        )
    print()
    checked = []
    for target in targets:
        if target.side not in by_name or target.against not in by_name:
            continue
        value = target.value(by_name)
        met = target.met(value)
        # What the machine's other work cannot touch, beside it: time that the side itself ran.
        worked = target.value(by_name, "processor")
        print(
            f"{'met   ' if met else 'missed'}  {value:5.2f} (CPU {worked:.2f})  {target.words()}"
            if target.what != "memory"
            else f"{'met   ' if met else 'missed'}  {value:5.2f}             {target.words()}",
            flush=True,
        )
        checked.append({"target": target.words(), "value": value, "of_cpu": worked, "met": met})
    return {
        "case": name,
        "sides": sides,
        "targets": checked,
        "updates": {racer.name: racer.updates for racer in racers},
    }
