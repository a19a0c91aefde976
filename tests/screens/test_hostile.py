"""Hostile text on its way to a real terminal: what crosses the pty is drawing and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from helpers import Cli

from rlhf_tui.screens.widgets.text import MOST_MARKS, clean
from rlhf_tui.workspace import Workspace, init_workspace

TIMEOUT = 120
EVIL = {
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "clipboard by C1": "\x9d52;c;cm0gLXJmIC8=\x9c",
    "link": "\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\",
    "title": "\x1b]0;rooted\x07\x1b]2;rooted\x1b\\\x1bkrooted\x1b\\",
    "clear": "\x1b[2J\x1b[3J\x1b[H\x1bc",
    "alternate screen": "\x1b[?1049l\x1b[?47h",
    "scroll region": "\x1b[5;6r\x1b[?6h",
    "device control": "\x1bPq#0;2;0;0;0#0~~\x1b\\\x1bP+q544e\x1b\\\x90qevil\x9c",
    "application commands": "\x1b_Gf=24;AAAA\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\",
    "queries": "\x1b[c\x1b[6n\x1b[>q\x1b]11;?\x07\x05",
    "one-byte CSI": "\x9b2J\x9b31m",
    "character sets": "\x0e\x0f\x1b(0\x1b#8",
    "overwriting": "good\rbad\b\b\b\x7f",
    "bidi": "user\u202etxt.exe\u202c \u2066a\u2069 \u200f\u200e\u061c",
    "separators": "a\u2028b\u2029c\u0085d",
    "tags": "hi\U000e0041\U000e0042",
    "nul": "a\x00b",
    "zero width": "a" + "\u200b" * 500 + "\u2060" * 500 + "\ufeff" * 500 + "b",
    "joiners": "a" + "\u200d" * 500 + "b",
    "zalgo": "Z" + "\u0301\u0316\u0334" * 300 + "a",
    "textual markup": "[@click=app.exit]x[/] [/b] [bold [link=file:///etc/passwd]y[/link]",
    "markdown": "**b** [x](javascript:alert(1)) <script>z</script> &#27;[2J &#155;31m &#8238;r",
}
ALLOWED = re.compile(
    r"\x1b\[[0-9;:]*[mHABCDKJX]"  # colours, places, erasing
    r"|\x1b\[\?[0-9;]+[hl]"  # private modes: Textual's own are checked by number
    r"|\x1b\[\?2026\$p|\x1b\[\?2048\$p|\x1b\[[>=<][0-9;]*u|\x1b\[\?u|\x1b\[c|\x1b\[18t"
    r"|\x1b\]22;[a-z]*\x07"  # the pointer's shape, by Textual
    r"|\x1b[78]|\x1b\[s|\x1b\[u"
)
MODES = {
    "1049", "1000", "1002", "1003", "1004", "1006", "1015", "1016", "2004", "2026", "2048",
    "2027", "25", "7",
}  # fmt: skip
"""Alternate screen, mouse, focus, pasting, synchronised output, resizing in band, cursor."""
BAD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u2069\u2028\u2029\ufeff\U000e0000-\U000e01ef]"
)


def strangers(written: str) -> list[str]:
    """Escape sequences that are not drawing, and characters that must not cross."""
    rest = ALLOWED.sub("", written)
    found = [f"mode {n}" for group in re.findall(r"\x1b\[\?([0-9;]+)[hl]", written)
             for n in group.split(";") if n not in MODES]  # fmt: skip
    found += [rest[match.start() : match.start() + 12] for match in re.finditer("\x1b", rest)]
    return found + BAD.findall(rest)


def test_the_judge_of_this_file_sees_what_is_evil() -> None:
    assert strangers("\x1b[31mfine\x1b[0m\x1b[2;3H") == []
    for name, text in EVIL.items():
        if name in ("textual markup", "markdown", "zalgo", "joiners", "clear"):
            continue  # text without control characters, or with erasing, which drawing needs too
        assert strangers(text) or "\r" in text, name


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_what_was_taken_out_is_told(text: str) -> None:
    shown = clean(text)
    harmless = not BAD.search(text) and "\x1b" not in text and text.count("\u0301") < 9
    assert bool(shown.marks) == (not harmless or text.count("\u200d") > 9)
    assert not BAD.search(shown.text)
    assert len(re.findall("[\u0301\u0316\u0334]", shown.text)) <= MOST_MARKS


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """In a directory whose name would set the title and turn the line around."""
    return init_workspace(
        tmp_path / "w\x1b]0;rooted\x07\u202ex",
        settings={"workspace": {"validation": 0.0, "test": 0.0}},
    )


@pytest.fixture
def terminal(workspace: Workspace) -> Iterator[Any]:
    opened = pexpect.spawn(
        sys.executable,
        ["-m", "rlhf_tui.cli", "label"],
        cwd=workspace.root,
        dimensions=(50, 160),
        encoding="utf-8",
        timeout=TIMEOUT,
    )
    opened.ptyproc.delayafterterminate = 5
    yield opened
    if not opened.ptyproc.fileobj.closed:
        opened.close(force=True)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def evil(workspace: Workspace, cli: Cli, tmp_path: Path) -> None:
    """An item for each pair of evil texts, as prompt, completion and model name at once."""
    texts = list(EVIL.values())
    rows: list[dict[str, Any]] = []
    for number, (text, other) in enumerate(zip(texts[::2], texts[1::2], strict=True)):
        prompt, answers = f"Prompt {number} {text}", [f"One {text}", f"Two {other}" + "x" * 500_000]
        row: dict[str, Any] = {"prompt": prompt, "completions": answers, "model": f"m{text}"}
        if number % 2:
            row["prompt"] = [{"role": "user", "content": prompt}]
            row["completions"] = [[{"role": "assistant", "content": one}] for one in answers]
        rows.append(row)
    path = tmp_path / "evil\x1b]0;rooted\x07.jsonl"
    write_rows(path, rows)
    cli("import", path).ok()


@pytest.mark.usefixtures("evil")
def test_nothing_but_drawing_crosses_the_terminal(terminal: Any, cli: Cli) -> None:
    seen: list[str] = []

    def expect(pattern: str) -> None:
        terminal.expect(pattern)
        seen.append(terminal.before + terminal.after)

    count = (len(EVIL) + 1) // 2
    expect("Enter submits|Pick at least two")
    for number in range(count):
        # `m` as written, `d` differences, `g` guidelines and back, then the judgement.
        for keys, answer in (
            ("m", "as written"),
            ("d", "gone"),
            ("d", "are off"),
            ("m", "rendered"),
            ("1", "Enter submits"),
        ):
            terminal.send(keys)
            expect(answer)
        terminal.send("\r")
        expect("Pick at least two" if number < count - 1 else "All is ranked")
    terminal.send("q")
    terminal.expect(pexpect.EOF)
    seen.append(terminal.before)
    written = "".join(seen)
    assert "removed]" in written
    assert strangers(written) == []
    terminal.wait()
    assert terminal.exitstatus == 0
    cli.stop_hub()


def test_half_a_surrogate_in_a_file_neither_crashes_nor_crosses(
    workspace: Workspace, cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "half.jsonl"
    path.write_text('{"prompt": "p", "completions": ["a\\ud800b", "c"]}\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "rlhf_tui.cli", "import", str(path)],
        cwd=workspace.root,
        capture_output=True,
        check=False,
        timeout=TIMEOUT,
    )
    text = (done.stdout + done.stderr).decode("utf-8")
    assert done.returncode == 3
    assert "line 1" in text
    assert "surrogate" in text
    assert "Traceback" not in text
    assert clean("a\ud800b").marks == ["1 control character removed"]
    cli.stop_hub()
