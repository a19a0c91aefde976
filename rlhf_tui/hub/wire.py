"""Frames on the socket: one line of JSON each, at most MAX_FRAME bytes."""

from __future__ import annotations

import asyncio
import socket
from functools import cache
from typing import Any

import msgspec

from rlhf_tui.errors import (
    Denied,
    HubError,
    InputError,
    NothingToDo,
    RlhfError,
    RunFailed,
    UsageError,
)
from rlhf_tui.hub.messages import (
    MAX_FRAME,
    AnswerFrame,
    AnyAnswer,
    AnyRequest,
    Failure,
    RequestFrame,
)

DENIED_CODE = 14
"""On the wire only: tells a refusal by role from other hub errors, which exit alike."""

_encoder = msgspec.json.Encoder()
_answers = msgspec.json.Decoder(AnswerFrame)

_BY_CODE: dict[int, type[RlhfError]] = {
    RlhfError.exit_code: RlhfError,
    UsageError.exit_code: UsageError,
    InputError.exit_code: InputError,
    HubError.exit_code: HubError,
    RunFailed.exit_code: RunFailed,
    NothingToDo.exit_code: NothingToDo,
    DENIED_CODE: Denied,
}


@cache
def _requests() -> msgspec.json.Decoder[RequestFrame]:
    # Made by the first who is asked something: clients wait for every import.
    return msgspec.json.Decoder(RequestFrame)


class BadFrame(HubError):
    """A line that is no message of ours; `frame_id` is its id as far as one can be read."""

    def __init__(self, message: str, *, hint: str = "", frame_id: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.frame_id = frame_id


class FirstBody(msgspec.Struct):
    """What can be read of the first frame, whatever version sent it."""

    type: str = ""
    protocol: int = 0
    version: str = "unknown"


class FirstFrame(msgspec.Struct):
    id: int = 0
    body: FirstBody = msgspec.field(default_factory=FirstBody)


def encode(frame: RequestFrame | AnswerFrame) -> bytes:
    """The line of a frame, with its newline.

    Raises:
        HubError: the frame is longer than the other side accepts.
    """
    line = _encoder.encode(frame) + b"\n"
    if len(line) > MAX_FRAME:
        raise HubError(
            f"A message of {len(line) >> 20} MiB is more than the {MAX_FRAME >> 20} MiB that fit "
            "in one frame.",
            hint="Send smaller batches.",
        )
    return line


def request_line(number: int, body: AnyRequest) -> bytes:
    return encode(RequestFrame(id=number, body=body))


def answer_line(number: int, body: AnyAnswer) -> bytes:
    """The line of an answer; one that is too long becomes the Failure that says so."""
    try:
        return encode(AnswerFrame(id=number, body=body))
    except HubError as error:
        return encode(AnswerFrame(id=number, body=failure(error)))


def decode_request(line: bytes) -> RequestFrame:
    """
    Raises:
        BadFrame: not JSON, an unknown type, a missing field, or a value of a wrong type.
    """
    try:
        return _requests().decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _bad(line, error) from None


def decode_first(line: bytes) -> FirstFrame:
    """The first frame of a connection, read leniently, to compare versions before anything else."""
    try:
        return msgspec.json.decode(line, type=FirstFrame)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _bad(line, error) from None


def decode_answer(line: bytes) -> AnswerFrame:
    """
    Raises:
        HubError: the hub answered in a way that this version does not understand.
    """
    try:
        return _answers.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise HubError(
            f"The hub's answer is not understood ({error}).",
            hint="Stop it with 'rlhf-tui hub stop'; the next command starts this version's.",
        ) from None


def failure(error: RlhfError, *, fatal: bool = False) -> Failure:
    """An error as it crosses the socket."""
    code = DENIED_CODE if isinstance(error, Denied) else error.exit_code
    return Failure(message=error.message, hint=error.hint, code=code, fatal=fatal)


def error_of(answer: Failure) -> RlhfError:
    """The error that a Failure stands for."""
    return _BY_CODE.get(answer.code, HubError)(answer.message, hint=answer.hint)


async def read_line(reader: asyncio.StreamReader) -> bytes | None:
    """The next line, without its newline; None at the end of the connection.

    Raises:
        BadFrame: longer than MAX_FRAME; the connection cannot be read further.
    """
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise BadFrame(
            f"A line of more than {MAX_FRAME >> 20} MiB is more than the hub takes.",
            hint="Send smaller batches.",
        ) from None
    return line[:-1]


def credentials(connection: socket.socket) -> tuple[int, int]:
    """Process id and user id at the other end of a unix socket, by the kernel's word."""
    size = 3 * 4
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid = int.from_bytes(raw[0:4], "little", signed=True)
    uid = int.from_bytes(raw[4:8], "little")
    return pid, uid


def _bad(line: bytes, error: Exception) -> BadFrame:
    class OnlyId(msgspec.Struct):
        id: int = 0

    try:
        number = msgspec.json.decode(line, type=OnlyId).id
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        number = 0
    reason: Any = str(error) or type(error).__name__
    return BadFrame(f"The hub cannot take this message: {reason}.", frame_id=number)
