"""The guidelines that annotators go by, in every version that they were shown."""

from __future__ import annotations

import hashlib
import os

import pytest
from helpers.hubs import HubProcess, ingest, tasks

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import GetGuidelines, Guidelines, Lease, Leased
from rlhf_tui.workspace import Workspace


def test_every_version_of_the_guidelines_that_was_shown_is_kept(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, tasks(1))

    def leased(client: HubClient) -> str:
        return client.call(Lease(kind="rank"), Leased).guidelines

    with HubClient(workspace, as_name="ann") as client:
        assert client.call(GetGuidelines(), Guidelines) == Guidelines("", "")
        assert leased(client) == ""
        versions = []
        for text in ("# Be kind\n", "# Be kind, and *honest* é\n"):
            workspace.guidelines.write_text(text, encoding="utf-8")
            versions.append(hashlib.sha256(text.encode()).hexdigest()[:12])
            assert leased(client) == versions[-1]
            assert client.call(GetGuidelines(), Guidelines) == Guidelines(versions[-1], text)
        old = client.call(GetGuidelines(versions[0]), Guidelines)
        assert old == Guidelines(versions[0], "# Be kind\n")
        workspace.guidelines.unlink()
        assert leased(client) == ""
        assert client.call(GetGuidelines(versions[1]), Guidelines).text.endswith("é\n")
        with pytest.raises(UsageError, match="no guidelines of version 'nope'"):
            client.call(GetGuidelines("nope"), Guidelines)


def test_guidelines_that_cannot_be_taken_are_told_to_who_asks_and_stop_nobody(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, tasks(1))
    secret = workspace.root / "secret"
    secret.write_text("only the owner reads this")
    path = workspace.guidelines

    def link() -> None:
        path.symlink_to(secret)

    bad = {
        "cannot be read": link,
        "not UTF-8": lambda: path.write_bytes(b"\xff\xfe"),
        "larger than 1 MiB": lambda: path.write_bytes(b"x" * (1 << 20) + b"x"),
        "no regular file": lambda: os.mkfifo(path),
    }
    with HubClient(workspace, as_name="ann") as client:
        for reason, make in bad.items():
            path.unlink(missing_ok=True)
            make()
            with pytest.raises(InputError, match=reason):
                client.call(GetGuidelines(), Guidelines)
            found = client.call(Lease(kind="rank"), Leased)
            assert (found.guidelines, len(found.items)) == ("", 1)
