"""What the owner may do and what other people of a shared workspace may, by their system user."""

from __future__ import annotations

import json
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from helpers.hubs import HubProcess, ingest, tasks
from helpers.second_user import needs_root, open_to_nobody, workspace_apart

from rlhf_tui.errors import Denied, UsageError
from rlhf_tui.hub.identity import Identity, allow, check_name, identify
from rlhf_tui.hub.messages import (
    AnyRequest,
    Disputed,
    Hello,
    Ingest,
    Lease,
    ListRuns,
    Request,
    Shutdown,
)
from rlhf_tui.workspace import Workspace

OTHER = """
import json, os, sys
from pathlib import Path
from rlhf_tui.errors import RlhfError
from rlhf_tui.hub import life, logout, messages
from rlhf_tui.hub.client import HubClient
from rlhf_tui.workspace import Workspace
import msgspec

# Only now: the interpreter may lie where the other user cannot read.
os.setgroups([]); os.setgid({gid}); os.setuid({uid})
told = {{}}
def attempt(name, work):
    try:
        told[name] = work()
    except RlhfError as error:
        told[name] = type(error).__name__ + ": " + str(error)

def connect(**options):
    return HubClient(Workspace(Path({root!r})), **options)

attempt("as", lambda: connect(as_name="somebody").welcome.annotator)
attempt("ai", lambda: connect(as_kind="ai").welcome.annotator)
def everything():
    with connect() as client:
        told["who"] = [client.welcome.annotator, client.welcome.role]
        leased = client.call(messages.Lease(kind="rank"), messages.Leased)
        told["leased"] = len(leased.items)
        for name in {owner_only!r}:
            kind = getattr(messages, name)
            wanted = {examples!r}.get(name, {{}})
            request = msgspec.convert({{"type": name, **wanted}}, kind)
            attempt(name, lambda: type(client.call(request, messages.Answer)).__name__)
attempt("connect", everything)
print(json.dumps(told))
"""
EXAMPLES = {
    "Export": {"spec": {"kind": "rankings"}, "format": "jsonl"},
    "Chunk": {"export_id": "x", "offset": 0},
    "Scores": {"run_id": "x"},
    "RunCompletions": {"run_id": "x"},
    "Backup": {"path": "/tmp/x"},
    "Launch": {"kind": "sft", "arguments": {}},
    "ShowRun": {"run_id": "latest"},
    "StopRun": {"run_id": "latest"},
    "ResumeRun": {"run_id": "latest"},
    "SetPriority": {"run_id": "latest", "priority": 1},
    "MoveRun": {"run_id": "latest", "by": 1},
    "EditRun": {"run_id": "latest", "title": "mine"},
    "PromoteRun": {"run_id": "latest"},
    "DeleteRun": {"run_id": "latest"},
    "PreviewLaunch": {"kind": "sft", "arguments": {}},
}
OWNER_ONLY = [
    kind.__name__
    for kind in AnyRequest.__args__  # type: ignore[attr-defined]
    if issubclass(kind, Request) and kind.role == "owner"
]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with workspace_apart() as apart:
        yield apart


def as_nobody(workspace: Workspace) -> dict[str, object]:
    """What user nobody is told when they try everything."""
    user = pwd.getpwnam("nobody")
    program = OTHER.format(
        uid=user.pw_uid,
        gid=user.pw_gid,
        root=str(workspace.root),
        owner_only=OWNER_ONLY,
        examples=EXAMPLES,
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


@needs_root
def test_another_user_of_a_shared_workspace_may_label_and_nothing_else(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    open_to_nobody(workspace)
    workspace.config.write_text("[workspace]\nshared = true\n")
    workspace.root.chmod(0o2750)
    workspace.store.with_name("store.duckdb.wal-of-before").touch(0o644)
    start_hub()
    assert workspace.socket.stat().st_mode & 0o777 == 0o660
    ingest(workspace, tasks(2))
    for private in (workspace.runs, *workspace.root.glob("store.duckdb*")):
        assert not private.stat().st_mode & 0o077, private
    told = as_nobody(workspace)
    assert told["connect"] is None
    assert told["who"] == ["nobody", "annotator"]
    assert told["leased"] == 1
    assert "Launch" in OWNER_ONLY
    for name in OWNER_ONLY:
        assert str(told[name]).startswith("Denied: "), (name, told[name])
    for name in ("as", "ai"):
        assert "Only the owner" in str(told[name])


@needs_root
def test_another_user_cannot_connect_to_a_workspace_that_is_not_shared(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    open_to_nobody(workspace)
    start_hub()
    assert "may not connect" in str(as_nobody(workspace)["connect"])


@needs_root
def test_another_user_cannot_start_the_hub(workspace: Workspace) -> None:
    open_to_nobody(workspace)
    assert "only its owner (root) may start it" in str(as_nobody(workspace)["connect"])


def hello(name: str | None = None, kind: str = "human") -> Hello:
    return Hello(protocol=1, version="0", client="t", as_name=name, as_kind=kind)  # type: ignore[arg-type]


def test_the_owner_acts_as_anyone_and_others_as_themselves() -> None:
    owner, other = 4000001, 4000002
    ann = identify(owner, owner, hello("ann", "ai"))
    assert (ann.annotator, ann.kind, ann.role, ann.uid) == ("ann", "ai", "owner", owner)
    own = identify(other, owner, hello())
    assert (own.annotator, own.role) == (f"uid-{other}", "annotator")
    assert identify(other, owner, hello(f"uid-{other}")).annotator == f"uid-{other}"
    reviewers = [f"uid-{other}"]
    assert identify(other, owner, hello(), reviewers).role == "reviewer"
    assert identify(other + 1, owner, hello(), reviewers).role == "annotator"
    assert identify(owner, owner, hello(), reviewers).role == "owner"
    with pytest.raises(Denied, match="--as"):
        identify(other, owner, hello("ann"))


def test_every_message_is_weighed_against_the_role() -> None:
    annotator = Identity(1, "ann", "human", "annotator", "t")
    allow(annotator, Lease(kind="rank"))
    with pytest.raises(Denied, match=r"for the owner of the workspace \(shutdown\)"):
        allow(annotator, Shutdown())
    for request, words in ((Disputed(), "disputed"), (ListRuns(), "list runs")):
        with pytest.raises(Denied, match=rf"for reviewers \({words}\)"):
            allow(annotator, request)
    reviewer = Identity(1, "eve", "human", "reviewer", "t")
    allow(reviewer, Disputed())
    allow(reviewer, ListRuns())
    with pytest.raises(Denied, match=r"for the owner of the workspace \(ingest\)"):
        allow(reviewer, Ingest())


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ann",
        "ann ",
        "a" * 65,
        "a/b",
        "..",
        ".hidden",
        "-x",
        "a\\b",
        "a\nb",
        "a\x1b[31m",
        "a\u202eb",
    ],
)
def test_names_that_files_and_screens_cannot_bear_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="annotator name"):
        check_name(name)


def test_names_of_all_languages_are_taken_in_one_spelling() -> None:
    assert check_name("Zoë Müller") == "Zoë Müller"
    assert check_name("Zoe\u0308") == "Zoë"
    assert check_name("李小龍") == "李小龍"
