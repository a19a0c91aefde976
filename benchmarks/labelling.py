"""The labelling screen under the fingers: a real program, hub, store and pseudo-terminal.

    python benchmarks/labelling.py [--completions 1000000] [--keys 100] [--part all]

The store holds `--completions` completions in rankings of four; those that the benchmark shows
have 2,000 characters each, the others 200. Parts:

    start     the command until the first item is drawn, a hub running, beside a bare Textual
              program and an empty Python in the same run, in turn
    keys      a pick, the next item (Enter until the drawing ends, saved durably), scrolling, idle
    crowd     the same keys at 20 terminals at once, each person with a pause between items
    day       5,000 judgements at one terminal: its memory and the last as against the first

Times are milliseconds of wall clock. On a machine that does other work they say little alone:
compare within a run.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from typist import Stroke, Typist

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Ingest, Ingested, Lease, Leased
from rlhf_tui.records import Completion, Prompt, Task, prompt_id, task_id
from rlhf_tui.workspace import Workspace, init_workspace

LABEL = [sys.executable, "-m", "rlhf_tui.cli", "label"]
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self): yield Static("Enter submits")
    def on_ready(self): self.set_timer(0.5, self.exit)
Bare().run()
"""
SHOWN = 4_000
"""Rankings of long texts: more than any part shows."""
BATCH = 2_500
WORDS = (  # noqa: SIM905
    "the plot moves slowly but every scene earns its place and the actors carry what the script "
    "leaves unsaid while light falls through the window and nobody speaks of the war again"
).split()


def text(rng: random.Random, characters: int) -> str:
    """Prose of so many characters, in paragraphs."""
    words: list[str] = []
    length = 0
    while length < characters:
        word = rng.choice(WORDS) + (".\n\n" if rng.random() < 0.02 else "")
        words.append(word)
        length += len(word) + 1
    return " ".join(words)[:characters]


def batches(completions: int, each: int) -> Iterator[Ingest]:
    """The store's content, `each` completions an item."""
    rng = random.Random(0)
    items = max(completions // each, 1)
    for start in range(0, items, BATCH):
        made = Ingest()
        for number in range(start, min(start + BATCH, items)):
            prompt = Prompt(prompt_id(f"film {number}"), f"A review of film {number}:")
            size = 2_000 if number < SHOWN else 200
            made.prompts.append(prompt)
            ids = [f"c-{number}-{n}" for n in range(each)]
            made.completions += [
                Completion(i, prompt.prompt_id, text(rng, size), model="m") for i in ids
            ]
            made.tasks.append(Task(task_id("rank", ids), "rank", prompt.prompt_id, ids))
        yield made


def fill(root: Path, completions: int, each: int) -> Workspace:
    workspace = init_workspace(root)
    start = time.perf_counter()
    with HubClient(workspace, as_name="filler") as client:
        for batch in batches(completions, each):
            client.call(batch, Ingested)
    print(f"store of {completions:,} completions made in {time.perf_counter() - start:.0f} s")
    return workspace


def environment(workspace: Workspace) -> dict[str, str]:
    return {"RLHF_TUI_WORKSPACE": str(workspace.root), "VISUAL": "", "EDITOR": ""}


def quantile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def tell(name: str, strokes: list[Stroke]) -> None:
    strokes = [s for s in strokes if s.bytes]
    first, last = [s.first_ms for s in strokes], [s.last_ms for s in strokes]
    size = [s.bytes for s in strokes]
    print(
        f"{name:34} n {len(strokes):5}  first byte p50 {statistics.median(first):6.1f}"
        f"  p99 {quantile(first, 0.99):6.1f}   last byte p50 {statistics.median(last):6.1f}"
        f"  p99 {quantile(last, 0.99):6.1f}   bytes p50 {statistics.median(size):6.0f}"
        f"  p99 {quantile(size, 0.99):6.0f}",
        flush=True,
    )


def start_of(command: list[str], env: dict[str, str], text_there: str) -> float:
    typist = Typist(command, environment=env)
    seconds = typist.wait_for(text_there)
    typist.settle()
    typist.leave()
    return seconds * 1000


def part_start(workspace: Workspace, times: int = 7) -> None:
    env = environment(workspace)
    ways = {
        "empty Python": ([sys.executable, "-c", "print('Enter submits')"], "Enter submits"),
        "bare Textual": ([sys.executable, "-c", BARE], "Enter submits"),
        "rlhf-tui label, first item": (LABEL, "Pick at least"),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    with HubClient(workspace, as_name="keeps the hub") as client:
        client.call(Lease(kind="rank", limit=1), Leased)
        for _ in range(times):
            for name, (command, there) in ways.items():
                found[name].append(start_of(command, env, there))
    for name, values in found.items():
        listed = " ".join(f"{v:.0f}" for v in sorted(values))
        print(f"{name:34} median {statistics.median(values):6.0f} ms  ({listed})", flush=True)


def ranks(typist: Typist, keys: str = "123") -> Stroke:
    """Rank four, and the stroke of Enter."""
    for key in keys:
        typist.press(key)
    return typist.press("\r")


def part_keys(workspace: Workspace, times: int) -> None:
    typist = Typist([*LABEL, "--as", "one"], environment=environment(workspace))
    typist.wait_for("Pick at least")
    typist.settle(2.0)
    tell("pick, or taking it back", [s for _ in range(times) for s in map(typist.press, "1u")])
    tell("scroll a line", [s for _ in range(times // 10) for s in map(typist.press, "jjjjjkkkkk")])
    tell("next item", [ranks(typist) for _ in range(times)])
    seconds = 5.0
    before = typist.process.cpu_times()
    count = typist.idle(seconds)
    after = typist.process.cpu_times()
    used = after.user + after.system - before.user - before.system
    print(f"{'idle':34} {count / seconds:.0f} bytes/s  {used / seconds:.1%} CPU")
    typist.leave()


def part_crowd(workspace: Workspace, people: int, rounds: int, pause: float) -> None:
    env = environment(workspace)
    typists = [Typist([*LABEL, "--as", f"person {n}"], environment=env) for n in range(people)]
    for typist in typists:
        typist.wait_for("Pick at least")
    for typist in typists:
        typist.settle(0.3)
    strokes: list[Stroke] = []

    def work(typist: Typist, rng: random.Random) -> None:
        for _ in range(rounds):
            time.sleep(rng.uniform(0.5, 1.5) * pause)
            strokes.append(ranks(typist))

    threads = [
        threading.Thread(target=work, args=(typist, random.Random(number)))
        for number, typist in enumerate(typists)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell(f"next item, {people} terminals", strokes)
    for typist in typists:
        typist.leave()


def part_day(workspace: Workspace, judgements: int) -> None:
    typist = Typist([*LABEL, "--as", "all day"], environment=environment(workspace))
    typist.wait_for("Pick at least")
    typist.settle(2.0)
    typist.press("F")
    strokes, memory = [], [typist.memory]
    for number in range(1, judgements + 1):
        strokes.append(typist.press("12"[number % 2]))
        if number % 500 == 0:
            memory.append(typist.memory)
    grown = [f"{(m - memory[1]) / 1e6:.1f}" for m in memory[1:]]
    tell("a day: the first 500", strokes[:500])
    tell("a day: the last 500", strokes[-500:])
    print(f"memory beyond that after 500 judgements, MB: {' '.join(grown)}")
    print(f"memory in all: {memory[-1] / 1e6:.0f} MB, {memory[0] / 1e6:.0f} MB at the start")
    typist.leave()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--completions", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=100, help="strokes of each kind")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=15, help="items of each person")
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between items")
    parser.add_argument("--judgements", type=int, default=5_000, help="of a day")
    parser.add_argument("--part", choices=("all", "start", "keys", "crowd", "day"), default="all")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rlhf-tui-labelling-") as directory:
        if given.part != "day":
            workspace = fill(Path(directory) / "four", given.completions, 4)
            if given.part in ("all", "start"):
                part_start(workspace)
            if given.part in ("all", "keys"):
                part_keys(workspace, given.keys)
            if given.part in ("all", "crowd"):
                part_crowd(workspace, given.people, given.rounds, given.pause)
        if given.part in ("all", "day"):
            # Pairs, for the fast mode; the texts of the first SHOWN items are long.
            part_day(fill(Path(directory) / "pairs", 12_000, 2), given.judgements)


if __name__ == "__main__":
    main()
