"""The contract between the hub and everything that talks to it, in this one file.

A frame on the socket is one line of JSON: `{"id": 7, "body": {"type": "Lease", …}}`. The answer
carries the same id. Every request names the role that it needs; the server checks it before it
does anything. SQL is not an operation.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.evaluation.report import Report
from rlhf_tui.records import Annotator, Completion, Event, Prompt, Score, Split, Task, TaskKind
from rlhf_tui.runs.layout import RunArguments, RunExit, RunKind, RunStatus, State
from rlhf_tui.runs.rendered import Estimate, Example

PROTOCOL = 1
"""Raised with every change that an older client or hub would misread."""

MAX_FRAME = 64 * 1024 * 1024
"""Bytes of the longest line either side accepts: an import batch of long texts fits."""

AccessRole = Literal["anyone", "annotator", "reviewer", "owner"]
"""In rising order. Reviewers are named in rlhf.toml ([label] reviewers)."""


class Request(msgspec.Struct, tag=True, forbid_unknown_fields=True, omit_defaults=True):
    role: ClassVar[AccessRole] = "owner"


class Answer(msgspec.Struct, tag=True, omit_defaults=True):
    pass


# --- the connection ---------------------------------------------------------------------------


class Hello(Request):
    """First on every connection. `as_name` is for the owner's uid only."""

    role: ClassVar[AccessRole] = "anyone"
    protocol: int
    version: str
    client: str
    """What is connecting: tui, cli, supervisor …; stored with events."""
    as_name: str | None = None
    as_kind: Literal["human", "ai"] = "human"


class Welcome(Answer):
    version: str
    workspace: str
    annotator: str
    role: AccessRole
    """What this connection may do: annotator, reviewer or owner."""
    pid: int


class Failure(Answer):
    """The request was refused or failed; `code` is an errors.py exit code."""

    message: str
    hint: str = ""
    code: int = 4
    fatal: bool = False
    """True when the connection is closed after it (another version, say)."""


class Done(Answer):
    pass


# --- labelling --------------------------------------------------------------------------------


class Item(msgspec.Struct, omit_defaults=True):
    """One thing to judge, with all that a screen needs."""

    task: Task
    prompt: Prompt
    completions: list[Completion]
    """In the order to show: shuffled per annotator and task. Model names and parameters are
    blanked for annotators."""
    lease_id: str = ""
    expires_ms: int = 0
    draft: dict[str, Any] | None = None
    event: Event | None = None
    """The annotator's current judgement, when the item comes from their history."""


class Lease(Request):
    """Take up to `limit` more items of a kind; held leases are renewed and not counted."""

    role: ClassVar[AccessRole] = "annotator"
    kind: TaskKind
    limit: int = 1
    held: list[str] = []
    """Ids of the tasks that this client still shows; they are not handed out again to it."""
    skipped: bool = False
    """Hand out what this annotator skipped before instead of new items."""


class Leased(Answer):
    items: list[Item]
    remaining: int
    """Open items for this annotator after these."""
    guidelines: str = ""
    """Version of the guidelines as they are now; empty without guidelines."""


class GetItem(Request):
    """One item again, for history and revision; no lease."""

    role: ClassVar[AccessRole] = "annotator"
    task_id: str


class ItemAnswer(Answer):
    item: Item


class Submit(Request):
    """Append events of the acting annotator: judge, revise, retract, skip, flag, release.

    Reviewers also settle items (adjudicate) and take that back (reopen). What an event has
    written is stored as completions in the same transaction. Acknowledged only when durable. A
    repeated event_id is answered 'duplicate'.
    """

    role: ClassVar[AccessRole] = "annotator"
    events: list[Event]


class Stored(msgspec.Struct):
    event_id: str
    outcome: Literal["stored", "duplicate", "surplus"]
    seq: int


class Submitted(Answer):
    results: list[Stored]


class SaveDraft(Request):
    """Keep a half-made judgement; an empty body forgets it."""

    role: ClassVar[AccessRole] = "annotator"
    task_id: str
    body: dict[str, Any] = {}


class History(Request):
    """The acting annotator's own current judgements and skips, newest first.

    What they flagged and neither judged nor skipped comes when `states` asks for what is flagged.
    """

    role: ClassVar[AccessRole] = "annotator"
    limit: int = 50
    before_seq: int = 0
    """Only events with a smaller seq; 0 for the newest."""
    kind: TaskKind | None = None
    search: str = ""
    """Only items whose prompt, completions, critique, reason or tags hold this, without regard
    to case."""
    states: list[Literal["judged", "skipped", "flagged"]] = []
    """Only items in one of these; empty: all."""


class HistoryEntry(msgspec.Struct, omit_defaults=True):
    event: Event
    kind: TaskKind
    prompt: str
    """The beginning of the prompt's last user turn, a few hundred characters."""
    flagged: str = ""
    """The reason of their latest flag; empty: not flagged, or taken back by one without."""
    revisions: int = 0
    """How many judgements of theirs it had before the current one."""


class HistoryAnswer(Answer):
    entries: list[HistoryEntry]


class Trail(Request):
    """The acting annotator's own lines of the log, newest first: judge, revise, retract, skip.

    Undo and redo across restarts are read from it.
    """

    role: ClassVar[AccessRole] = "annotator"
    kind: TaskKind
    limit: int = 200
    before_seq: int = 0


class TrailAnswer(Answer):
    events: list[Event]


class Votes(Request):
    """Others' current judgements of a task; annotators must have given their own first."""

    role: ClassVar[AccessRole] = "annotator"
    task_id: str


class VotesAnswer(Answer):
    events: list[Event]


class GetGuidelines(Request):
    """The guidelines for annotators: `guidelines.md` of the workspace, or an older version."""

    role: ClassVar[AccessRole] = "annotator"
    version: str = ""
    """Empty: as they are now."""


class Guidelines(Answer):
    version: str
    """Empty where there are none."""
    text: str


class Disputed(Request):
    """Items on which people disagree, the least agreed first, with their votes."""

    role: ClassVar[AccessRole] = "reviewer"
    kind: TaskKind | None = None
    limit: int = 20
    offset: int = 0
    settled: bool = False
    """Those that are settled already, newest first, instead of the open ones."""
    task_id: str = ""
    """Only this one, whatever its agreement."""


class Dispute(msgspec.Struct, omit_defaults=True):
    item: Item
    votes: list[Event]
    agreement: float
    """Share of pairwise decisions (or thumbs) on which two voters agree, in [0, 1]."""
    settled: Event | None = None


class DisputedAnswer(Answer):
    disputes: list[Dispute]
    total: int
    """How many there are in all."""


class MarkGold(Request):
    """Give a task a known answer, or take it away."""

    role: ClassVar[AccessRole] = "reviewer"
    task_id: str
    tiers: dict[str, int] | None = None
    """As Task.gold; None takes it away."""


class Stats(Request):
    """Statistics of the labelling; annotators get their own figures and no one else's."""

    role: ClassVar[AccessRole] = "annotator"
    kind: TaskKind = "rank"
    max_age_s: float = 10.0
    """Figures worked out less long ago will do, though people have judged since. With 0 they
    cover everything stored before the request; for annotators the hub takes 10 at least."""


class StatsAnswer(Answer):
    report: Report


class Progress(Request):
    """Counts for the acting annotator and for the workspace."""

    role: ClassVar[AccessRole] = "annotator"


class KindProgress(msgspec.Struct):
    tasks: int = 0
    judgements_wanted: int = 0
    """With the known answers and repeats that were judged or that the acting annotator has
    before them: a count without them would tell which items they are."""
    judgements: int = 0
    mine: int = 0
    skipped: int = 0
    """By the acting annotator, and not judged since."""
    open_for_me: int = 0
    mine_today: int = 0


class ProgressAnswer(Answer):
    rank: KindProgress
    thumbs: KindProgress
    prompts: int
    completions: int
    annotators: int
    runs_active: int


# --- bringing data in -------------------------------------------------------------------------


class Ingest(Request):
    """A batch of records from an import; ids are of the content, so repeats add nothing.

    The hub sets each new prompt's split by the hash of its first user turn, unless `split`
    forces one.
    """

    prompts: list[Prompt] = []
    completions: list[Completion] = []
    tasks: list[Task] = []
    events: list[Event] = []
    annotators: list[Annotator] = []
    split: Split | None = None
    """Force this split on the batch's new prompts; None: by hash."""
    gold: bool = False
    """Give the tasks' known answers to those of them, too, that are there already."""


class Counts(msgspec.Struct):
    prompts: int = 0
    completions: int = 0
    tasks: int = 0
    events: int = 0


class Ingested(Answer):
    added: Counts
    duplicates: Counts


# --- taking data out --------------------------------------------------------------------------


class Export(Request):
    """Make an export; the answer names it and its size, `Chunk` then reads it."""

    spec: DatasetSpec
    format: Literal["parquet", "jsonl"]


class Exported(Answer):
    export_id: str
    rows: int
    size: int
    """Bytes."""
    note: str = ""
    """What was left out and why (ties, unranked …), as a sentence."""


class Chunk(Request):
    export_id: str
    offset: int


class ChunkAnswer(Answer):
    data: bytes
    """Base64 on the wire (msgspec's rule for bytes in JSON)."""
    last: bool


class ReadPrompts(Request):
    """Prompts with their completions, in the order of import, a page at a time."""

    after: str = ""
    limit: int = 100
    splits: list[Split] = []


class PromptPage(Answer):
    prompts: list[Prompt]
    completions: list[Completion]
    next: str = ""


class Scores(Request):
    """Scores that a run of kind `score` gave, with the completions they belong to."""

    run_id: str


class ScoresAnswer(Answer):
    scores: list[Score]
    completions: list[Completion]


class RunCompletions(Request):
    """All completions of one generate run."""

    run_id: str


class CompletionsAnswer(Answer):
    completions: list[Completion]


class Backup(Request):
    """Copy the store into a new DuckDB file at `path` (absolute, on the hub's machine)."""

    path: str


# --- runs -------------------------------------------------------------------------------------


class Launch(Request):
    """Queue a background run. `arguments` are the kind's config fields that the person set or
    that settings gave; the hub fills in the rest, resolves models, and writes args.json."""

    kind: RunKind
    arguments: dict[str, Any]
    title: str = ""
    cwd: str = ""
    environment: dict[str, str] = {}
    secrets: dict[str, str] = {}
    """Keys that the worker needs (runs.environment.SECRETS), by the variable's name: kept in the
    hub's memory until the start, handed to the worker's environment, never written anywhere."""
    recipe: str = ""
    """Whose options `arguments` already holds."""
    priority: int = 0
    """Of runs that wait for a device the highest starts first; 0 is usual, below 0 is later."""


class Launched(Answer):
    run_id: str
    state: State
    directory: str
    notes: list[str]
    """What was decided for the person: which SFT and reward model, how many rows, where queued."""


class RunInfo(msgspec.Struct, omit_defaults=True):
    run_id: str
    kind: RunKind | Literal["log"]
    """`log`: what another program wrote; never from the hub."""
    state: State
    title: str
    directory: str
    created_ms: int
    note: str = ""
    """What a person wrote about it."""
    tags: list[str] = []
    archived: bool = False
    current: bool = False
    """Its model is the workspace's current policy."""
    queue_position: int = 0
    """1 is next; 0 when not queued."""
    priority: int = 0
    started_ms: int = 0
    ended_ms: int = 0
    status: RunStatus | None = None
    exit: RunExit | None = None
    arguments: RunArguments | None = None
    message: str = ""
    lost: bool = False
    """True for a run that should be alive and whose heartbeat is too old."""


class ListRuns(Request):
    """Titles, paths and figures of runs; how many are active everyone learns from Progress."""

    role: ClassVar[AccessRole] = "reviewer"
    kinds: list[RunKind] = []
    limit: int = 500
    """At most so many; active ones are never left out for one that has ended."""
    archived: bool = False
    """Also those that were put away."""


class RunList(Answer):
    runs: list[RunInfo]
    """The newest first."""
    left_out: int = 0
    """How many older ones the limit left out."""


class ShowRun(Request):
    """`run_id` may be a unique prefix, or `latest`."""

    run_id: str


class RunAnswer(Answer):
    run: RunInfo


class StopRun(Request):
    """Answered by RunAnswer: the run is then `stopping`, or `stopped` if it had waited."""

    run_id: str
    force: bool = False
    """Kill at once, without a checkpoint."""


class ResumeRun(Request):
    """Go on with a stopped or failed run from its latest checkpoint; answered by Launched."""

    run_id: str
    secrets: dict[str, str] = {}
    """As in Launch."""
    host_gone: bool = False
    """Take over a run of another machine that will not come back and is silent."""


class SetPriority(Request):
    """Change when a run that waits gets its turn; answered by RunAnswer."""

    run_id: str
    priority: int


class MoveRun(Request):
    """Move a run that waits among those that wait for its device; answered by RunAnswer."""

    run_id: str
    by: int
    """Places; below 0 is earlier. As far as the queue goes."""


class EditRun(Request):
    """Change what people say of a run; None leaves a thing as it is. Answered by RunAnswer."""

    run_id: str
    title: str | None = None
    note: str | None = None
    add_tags: list[str] = []
    drop_tags: list[str] = []
    archived: bool | None = None


class PromoteRun(Request):
    """Make a run's model the workspace's current policy, which `current` names and which
    generation takes when no model is named; answered by RunAnswer."""

    run_id: str
    demote: bool = False
    """Take it back: the workspace then has none."""


class DeleteRun(Request):
    """Remove a run that has ended: its row, its directory and its model; answered by Done.

    Completions and scores that it made stay in the store. Refused for a run that others started
    from, or the current policy, unless `force`.
    """

    run_id: str
    force: bool = False


class PreviewLaunch(Request):
    """What a launch with these arguments would do, without launching; answered by Preview.

    The fields are those of Launch. A newer one of the same connection and sort, with examples or
    without, takes the place of one that is still worked on, which is then refused.
    """

    kind: RunKind
    arguments: dict[str, Any]
    cwd: str = ""
    environment: dict[str, str] = {}
    secrets: dict[str, str] = {}
    priority: int = 0
    examples: int = 0
    """Render so many examples as the model will see them: takes seconds. 0: none."""


class DatasetPreview(msgspec.Struct, omit_defaults=True):
    """The data set that a run would get."""

    source: str
    """The workspace's labels, or a file's path."""
    rows: dict[str, int]
    """By split."""
    prompts: int = 0
    """Distinct ones to train on."""
    columns: list[str] = []
    notes: list[str] = []
    """Sentences: what is in it, what was left out and why."""
    annotators: int = 0
    """People whose judgements are in it."""
    agreement: float | None = None
    """How often two people agree on a pair, from 0 to 1; None where none judged the same."""


class Preview(Answer):
    device: str
    models: dict[str, str]
    """role → path or hub id, with the run that made it in words where one did."""
    notes: list[str]
    dataset: DatasetPreview | None = None
    """None where there is none to be had; `notes` says why."""
    examples: list[Example] = []
    estimate: Estimate | None = None
    queue: list[str] = []
    """Runs that it would wait for, the first to start first."""
    problem: str = ""
    """Why a launch would be refused as things are, as a sentence; empty: it would start."""
    refusal: int = 0
    """The exit code that `problem` means to a command; 0 without one."""
    no_examples: str = ""
    """Why no examples could be rendered though some were asked for."""
    rendering: list[str] = []
    """Sentences on how examples are rendered."""


# --- the hub itself ---------------------------------------------------------------------------


class HubStatus(Request):
    role: ClassVar[AccessRole] = "annotator"


class HubStatusAnswer(Answer):
    pid: int
    version: str
    workspace: str
    started_ms: int
    clients: int
    runs_active: int
    runs_queued: int
    store_bytes: int
    events: int
    settings_trouble: str = ""
    """Why rlhf.toml as it is now is not followed, as a sentence; empty when it is."""
    at_logout: str = ""
    """That the hub and its runs end when the owner logs out, and what to do; empty if they stay."""


class Shutdown(Request):
    """Leave in good order. Runs go on; refused while clients other than this one are connected
    unless `force`."""

    force: bool = False


AnyRequest = (
    Hello
    | Lease
    | GetItem
    | Submit
    | SaveDraft
    | History
    | Trail
    | Votes
    | GetGuidelines
    | Disputed
    | MarkGold
    | Stats
    | Progress
    | Ingest
    | Export
    | Chunk
    | ReadPrompts
    | Scores
    | RunCompletions
    | Backup
    | Launch
    | ListRuns
    | ShowRun
    | StopRun
    | ResumeRun
    | SetPriority
    | MoveRun
    | EditRun
    | PromoteRun
    | DeleteRun
    | PreviewLaunch
    | HubStatus
    | Shutdown
)
AnyAnswer = (
    Welcome
    | Failure
    | Done
    | Leased
    | ItemAnswer
    | Submitted
    | HistoryAnswer
    | TrailAnswer
    | VotesAnswer
    | Guidelines
    | DisputedAnswer
    | StatsAnswer
    | ProgressAnswer
    | Ingested
    | Exported
    | ChunkAnswer
    | PromptPage
    | ScoresAnswer
    | CompletionsAnswer
    | Launched
    | RunList
    | RunAnswer
    | Preview
    | HubStatusAnswer
)


class RequestFrame(msgspec.Struct, forbid_unknown_fields=True):
    id: int
    body: AnyRequest


class AnswerFrame(msgspec.Struct):
    id: int
    body: AnyAnswer
