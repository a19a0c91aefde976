"""What a hub says to frames that are not what they should be."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from helpers.hubs import HubProcess

from rlhf_tui.errors import HubError
from rlhf_tui.hub import address
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import MAX_FRAME, PROTOCOL, HubStatus, HubStatusAnswer
from rlhf_tui.workspace import Workspace

HELLO = {"type": "Hello", "protocol": PROTOCOL, "version": "0", "client": "test"}


class Raw:
    """A connection that sends whatever bytes the test wants."""

    def __init__(self, workspace: Workspace) -> None:
        self.socket = address.connect(workspace.socket, 20)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, line: bytes) -> None:
        self.socket.sendall(line)

    def ask(self, body: dict[str, Any], number: int = 1) -> dict[str, Any]:
        self.send(json.dumps({"id": number, "body": body}).encode() + b"\n")
        return self.answer()

    def answer(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.file.readline())
        return frame


def greeted(workspace: Workspace) -> Raw:
    raw = Raw(workspace)
    assert raw.ask(HELLO)["body"]["type"] == "Welcome"
    return raw


GARBAGE = [
    b"\n",
    b"not json\n",
    b"\xff\xfe\x00\n",
    b"{}\n",
    b"[1, 2]\n",
    b'{"id": 5}\n',
    b'{"id": 5, "body": {"type": "Nothing"}}\n',
    b'{"id": 5, "body": {"type": "Lease"}}\n',
    b'{"id": 5, "body": {"type": "Lease", "kind": "poem"}}\n',
    b'{"id": 5, "body": {"type": "Lease", "kind": "rank", "limit": "many"}}\n',
    b'{"id": 5, "body": {"type": "Lease", "kind": "rank", "sql": "DROP TABLE events"}}\n',
    b'{"id": 5, "body": {"type": "Submit", "events": [{"event_id": 1}]}}\n',
    b'{"id": "5", "body": {"type": "Progress"}}\n',
    b"[" * 100_000 + b"\n",
]


def test_garbage_after_hello_gets_a_sentence_and_the_connection_goes_on(
    hub: HubProcess, workspace: Workspace
) -> None:
    with greeted(workspace) as raw:
        for line in GARBAGE:
            raw.send(line)
            answer = raw.answer()
            assert answer["body"]["type"] == "Failure", line
            assert answer["body"]["message"].endswith("."), line
            assert "Traceback" not in answer["body"]["message"]
            assert answer["id"] == (5 if b'"id": 5' in line else 0), line
        assert raw.ask({"type": "Progress"})["body"]["type"] == "ProgressAnswer"


def test_garbage_in_the_place_of_hello_is_refused(hub: HubProcess, workspace: Workspace) -> None:
    for line in GARBAGE:
        with Raw(workspace) as raw:
            raw.send(line)
            body = raw.answer()["body"]
            assert body["type"] == "Failure", line
            assert body["fatal"] is True
            assert raw.file.readline() == b""
    assert hub.process.poll() is None


def test_a_line_without_end_is_cut_off_and_others_are_served(
    hub: HubProcess, workspace: Workspace
) -> None:
    piece = b"x" * (4 << 20)
    with greeted(workspace) as raw:
        try:
            for _ in range(MAX_FRAME // len(piece) * 3):
                raw.send(piece)
        except (TimeoutError, ConnectionError):
            pass
        with HubClient(workspace) as client:
            assert client.call(HubStatus(), HubStatusAnswer).pid == hub.process.pid
    assert hub.process.poll() is None


def test_a_client_that_goes_in_the_middle_of_a_frame_harms_nobody(
    hub: HubProcess, workspace: Workspace
) -> None:
    with greeted(workspace) as raw:
        raw.send(b'{"id": 2, "body": {"type": "Lea')
    with HubClient(workspace) as client:
        assert client.call(HubStatus(), HubStatusAnswer).clients == 1


def test_another_version_is_told_so_in_a_sentence(hub: HubProcess, workspace: Workspace) -> None:
    with Raw(workspace) as raw:
        future = {**HELLO, "protocol": 99, "version": "7.5", "field_of_the_future": True}
        body = raw.ask(future)["body"]
        assert "protocol 99" in body["message"]
        assert "7.5" in body["message"]
        assert "hub stop" in body["hint"]
        assert body["fatal"] is True


def test_a_hub_of_another_version_is_told_so_by_the_client(workspace: Workspace) -> None:
    """The other side: a listener that answers as no hub of ours does."""
    listener = address.listen(workspace.socket, 0o600)
    listener.setblocking(True)
    listener.settimeout(20)

    def answer_once() -> None:
        # The first connection only looks whether somebody listens.
        listener.accept()[0].close()
        connection = listener.accept()[0]
        connection.recv(65536)
        connection.sendall(b'{"id": 1, "body": {"type": "Welcome2"}}\n')
        connection.close()

    thread = threading.Thread(target=answer_once)
    thread.start()
    with pytest.raises(HubError, match=r"not understood.*hub stop"):
        HubClient(workspace)
    thread.join()
    listener.close()
