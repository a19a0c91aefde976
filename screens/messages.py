"""What the program tells the screens: typed Textual messages."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class HubChanged(Message):
    """The connection to the hub changed: `connected`, `away` or `replayed`.

    Sent to the screen on top; `detail` is a sentence when it is known why there is no hub.
    """

    change: str
    detail: str = ""
