"""Who is at the other end of a connection, and what they may do."""

from __future__ import annotations

import pwd
import re
import unicodedata
from collections.abc import Collection

import msgspec

from rlhf_tui.errors import Denied, UsageError
from rlhf_tui.hub.messages import AccessRole, Hello, Request
from rlhf_tui.records import AnnotatorKind

LONGEST_NAME = 64
RANK: dict[AccessRole, int] = {"anyone": 0, "annotator": 1, "reviewer": 2, "owner": 3}


class Identity(msgspec.Struct, frozen=True):
    """The acting person of one connection."""

    uid: int
    annotator: str
    kind: AnnotatorKind
    role: AccessRole
    client: str
    connection: int = 0
    """Number of the connection, which tells one person's terminals apart."""


def user_name(uid: int) -> str:
    """The system's name of a user; `uid-1234` for one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def check_name(name: str) -> str:
    """An annotator's name, if it can be one.

    Raises:
        UsageError: empty, too long, or with characters that files and screens cannot bear.
    """
    problem = ""
    if not name or name != name.strip():
        problem = "is empty or begins or ends with a space"
    elif len(name) > LONGEST_NAME:
        problem = f"has more than {LONGEST_NAME} characters"
    elif any(unicodedata.category(character)[0] == "C" for character in name):
        problem = "holds control characters"
    elif "/" in name or "\\" in name or name.startswith((".", "-")):
        problem = "looks like a path or an option"
    if problem:
        raise UsageError(
            f"The annotator name {name[:80]!r} {problem}.",
            hint="Use letters, digits, spaces, '.', '_' and '-'.",
        )
    return unicodedata.normalize("NFC", name)


def identify(uid: int, owner: int, hello: Hello, reviewers: Collection[str] = ()) -> Identity:
    """The identity of a connection from user `uid` to a workspace of user `owner`.

    Args:
        reviewers: names of annotators who may do what reviewers do.

    Raises:
        Denied: someone else than the owner asked for another name.
        UsageError: the name cannot be one.
    """
    own = user_name(uid)
    name = own if hello.as_name is None else check_name(hello.as_name)
    if uid != owner and (name != own or hello.as_kind != "human"):
        raise Denied(
            f"Only the owner of the workspace ({user_name(owner)}) may act as someone else.",
            hint=f"Leave out --as; you label as {own!r}.",
        )
    return Identity(
        uid=uid,
        annotator=name,
        kind=hello.as_kind,
        role="owner" if uid == owner else "reviewer" if name in reviewers else "annotator",
        client=hello.client[:LONGEST_NAME],
    )


def allow(identity: Identity, request: Request) -> None:
    """
    Raises:
        Denied: the connection's role does not reach the one that the message needs.
    """
    if RANK[identity.role] < RANK[request.role]:
        whom = "the owner of the workspace" if request.role == "owner" else "reviewers"
        # 'preview launch' for PreviewLaunch: people never see the names of messages.
        asked = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(request).__name__).lower()
        raise Denied(
            f"That is for {whom} ({asked}); you are connected as "
            f"{identity.role} {identity.annotator!r}.",
            hint="Ask the owner to do it."
            if request.role == "owner"
            else "The owner names reviewers in rlhf.toml: [label] reviewers.",
        )
