"""Where a run comes from and what came of it: a tree from prompts and labels to the policy.

Every run stands below the one whose model it starts from, or, without such a run, below its data
set; what else it was made with (a reward model, another run's completions) is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from rlhf_tui.config.meanings import SAMPLE, is_bundled_anywhere
from rlhf_tui.errors import InputError
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunArguments, RunStatus
from rlhf_tui.tracking.manifest import Manifest, origin, read_manifest, short

Kind = Literal["labels", "data", "run", "missing"]
LABELLED = "labelled"
"""The role of a run whose completions people judged; with a number for each further one."""
TRUNKS = ("model", "completions", LABELLED)
"""Roles that a run hangs by in the tree, the first one that it has; else by any other."""
KEY: dict[str, tuple[str, ...]] = {
    "sft": ("eval_loss", "loss"),
    "rm": ("eval_accuracy", "accuracy"),
    "ppo": ("eval/reward", "objective/scores"),
    "dpo": ("eval_rewards/accuracies", "rewards/accuracies"),
    "kto": ("eval_rewards/margins", "rewards/margins"),
    "rloo": ("eval/reward", "reward"),
    "grpo": ("eval/reward", "reward"),
    "evaluate": ("eval_accuracy", "eval_rewards/accuracies", "eval_loss", "eval/reward"),
    "generate": ("completions",),
    "score": ("reward/mean", "kl/mean"),
}
"""By which figure a run of each kind is known, the first one that it has."""
MOST_NAMED = 3
"""Runs whose labels a run has, as many as are named."""
WORKSPACE = "prompts and labels of the workspace"
MODELS = ("model", "policy", "reward_model", "reference")
"""Arguments that name a model; `model` is the one that a run starts from."""


@dataclass(frozen=True)
class Known:
    """What is known of a run."""

    arguments: RunArguments
    manifest: Manifest | None = None
    status: RunStatus | None = None
    judged: tuple[str, ...] = ()
    """The generate runs whose completions its data set judges, where that was looked up."""

    @property
    def key_figure(self) -> str:
        """The name of the final figure that tells most of a run of its kind; '' without any."""
        figures = self.status.metrics if self.status else {}
        return next((name for name in KEY.get(self.arguments.kind, ()) if name in figures), "")

    @property
    def bases(self) -> dict[str, str]:
        """role → model or reward that no run of the workspace made: a name, a hub id or a path."""
        arguments, lineage = self.arguments.arguments, self.arguments.lineage
        named = {role: arguments.get(role) for role in MODELS}
        rewards = arguments.get("rewards")
        for place, reward in enumerate(rewards if isinstance(rewards, list) else (), start=1):
            named[f"reward_{place}"] = reward
        return {
            role: SAMPLE if is_bundled_anywhere(name) else name
            for role, name in named.items()
            if isinstance(name, str) and name and role not in lineage
        }

    @property
    def parents(self) -> dict[str, str]:
        """role → run id, the generate runs among them whose completions the data set judges."""
        parents = dict(self.arguments.lineage)
        named = self.judged or (self.manifest.spec.get("runs") if self.manifest else None) or ()
        known = set(parents.values())
        for place, run_id in enumerate(run for run in named if run not in known):
            parents[f"{LABELLED} {place + 1}" if place else LABELLED] = str(run_id)
        return parents


@dataclass
class Node:
    """A place in the tree."""

    kind: Kind
    name: str
    """The run's id, or words."""
    told: str = ""
    """What is to be said of it: the rows of a data set, the kind of a run."""
    trunk: str = ""
    """By which role it hangs below a run."""
    others: list[tuple[str, str]] = field(default_factory=list)
    """Role and run id of what else it was made with."""
    bases: list[tuple[str, str]] = field(default_factory=list)
    """Role and name of the models and rewards that no run made, but for the one it starts from."""
    chosen: bool = False
    children: list[Node] = field(default_factory=list)

    @property
    def beside(self) -> list[str]:
        """What else it was made with, in words."""
        words = [
            f"{role.replace('_', ' ')} {run}"
            for role, run in (*self.others, *self.bases)
            if not role.startswith(LABELLED)
        ]
        judged = [run for role, run in self.others if role.startswith(LABELLED)]
        if judged:
            more = len(judged) - MOST_NAMED
            told = f"{', '.join(judged[:MOST_NAMED])}{f' and {more} more' if more > 0 else ''}"
            words.append(f"labels {'also ' if self.trunk == LABELLED else ''}of {told}")
        return words


def relatives(run_id: str, runs: Mapping[str, Known]) -> list[str]:
    """A run, all that it comes from, and all that came of it, by id; also ids that are unknown."""
    used: dict[str, list[str]] = {}
    for one, known in runs.items():
        for parent in known.parents.values():
            used.setdefault(parent, []).append(one)

    def reached(step: Mapping[str, Iterable[str]]) -> dict[str, None]:
        found: dict[str, None] = {}
        waiting = [run_id]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found[one] = None
                waiting += step.get(one, ())
        return found

    up = {one: list(known.parents.values()) for one, known in runs.items()}
    return sorted(reached(up) | reached(used), key=lambda one: _age(one, runs))


def _age(run_id: str, runs: Mapping[str, Known]) -> tuple[int, str]:
    known = runs.get(run_id)
    return (known.arguments.created_ms if known else 0), run_id


def tree(run_id: str, runs: Mapping[str, Known]) -> list[Node]:
    """The roots of a run's tree: the workspace's labels, files, and last runs that are gone.

    A run whose ancestors run in a circle, as no launch makes them, hangs at a root.
    """
    family = relatives(run_id, runs)
    nodes = {one: _node(one, runs.get(one), run_id) for one in family}
    roots: dict[str, Node] = {}
    for one in family:
        node, known = nodes[one], runs.get(one)
        if known is None:
            roots[one] = node
            continue
        held = {role: run for role, run in known.parents.items() if run in nodes}
        trunk = _trunk(one, held, runs)
        node.others = [(role, run) for role, run in known.parents.items() if role != trunk]
        if trunk:
            node.trunk = trunk
            if known.manifest is not None:
                node.told += f" on {short(known.manifest)}"
            nodes[held[trunk]].children.append(node)
        else:
            _at_root(node, known, roots)
    return sorted(roots.values(), key=lambda root: root.kind == "missing")


def _node(one: str, known: Known | None, chosen: str) -> Node:
    if known is None:
        return Node("missing", one, "gone, or never in this workspace", chosen=one == chosen)
    bases = known.bases
    start = bases.pop("model", "")
    told = f"{known.arguments.kind}{f' from {start}' if start else ''}"
    return Node("run", one, told, chosen=one == chosen, bases=[*bases.items()])


def _trunk(one: str, parents: Mapping[str, str], runs: Mapping[str, Known]) -> str:
    """The role by which a run hangs; '' where it has none that does not lead back to it."""
    ranked = sorted(parents, key=lambda r: TRUNKS.index(r) if r in TRUNKS else len(TRUNKS))
    for role in ranked:
        above: set[str] = set()
        waiting = [parents[role]]
        while waiting:
            parent = waiting.pop()
            if parent not in above:
                above.add(parent)
                waiting += runs[parent].parents.values() if parent in runs else ()
        if one not in above:
            return role
    return ""


def _at_root(node: Node, known: Known, roots: dict[str, Node]) -> None:
    """Hang a run without a parent below its data set, and that below what it was made of."""
    manifest = known.manifest
    if manifest is None:
        name = "a data set that is not recorded"
        roots.setdefault(name, Node("labels", name)).children.append(node)
        return
    name = f"the file {manifest.source.path}" if manifest.source else WORKSPACE
    root = roots.setdefault(name, Node("labels", name))
    data = Node("data", f"snapshot of {node.name}", f"{short(manifest)}, {origin(manifest)}")
    root.children.append(data)
    data.children.append(node)


def read_known(directory: Path) -> Known | None:
    """What lineage needs to know of a run directory; None where it cannot be read."""
    try:
        arguments = layout.read(directory / layout.ARGS, RunArguments)
        if arguments is None:
            return None
    except (InputError, OSError):
        return None
    known = Known(arguments)
    # One broken file does not hide what the others tell.
    with suppress(InputError, OSError):
        known = replace(known, manifest=read_manifest(directory))
    with suppress(InputError, OSError):
        known = replace(known, status=layout.read(directory / layout.STATUS, RunStatus))
    return known


def read_workspace(runs: Path) -> dict[str, Known]:
    """All runs of a directory of runs, by id; what cannot be read is left out."""
    try:
        directories = sorted(runs.iterdir())
    except OSError:
        return {}
    found = [known for path in directories if (known := read_known(path)) is not None]
    return {known.arguments.run_id: known for known in found}


def with_judged(
    known: Mapping[str, Known], judged: Mapping[str, Sequence[str]]
) -> dict[str, Known]:
    """What is known of runs, with the generate runs whose completions their data sets judge."""
    return {
        run_id: replace(one, judged=tuple(judged[run_id])) if run_id in judged else one
        for run_id, one in known.items()
    }


def flat(roots: Iterable[Node]) -> list[tuple[list[bool], Node]]:
    """The nodes from top to bottom, each with, for every level down to it, whether it is the last
    of its siblings; a root's list is empty."""
    rows: list[tuple[list[bool], Node]] = []
    waiting: list[tuple[list[bool], Node]] = [([], root) for root in reversed(list(roots))]
    while waiting:
        path, node = waiting.pop()
        rows.append((path, node))
        for place, child in reversed(list(enumerate(node.children))):
            waiting.append(([*path, place == len(node.children) - 1], child))
    return rows


def branch(path: list[bool], *, ascii_only: bool) -> str:
    """The lines that lead to a node."""
    if not path:
        return ""
    bar, fork, corner = ("|  ", "|- ", "`- ") if ascii_only else ("│  ", "├─ ", "└─ ")
    return "".join("   " if over else bar for over in path[:-1]) + (corner if path[-1] else fork)
