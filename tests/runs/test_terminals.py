"""A run outlives the terminal and the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
from helpers import wait_until

from rlhf_tui.runs.launch import processes, request_stop

START = """
import signal, sys
from pathlib import Path
from rlhf_tui.runs.launch import spawn_supervisor
spawn_supervisor(Path(sys.argv[1]), sys.argv[2:])
print("started", flush=True)
signal.pause()
"""


def test_a_closed_terminal_does_not_end_it(runs):
    run = runs("train")
    terminal = pexpect.spawn(
        sys.executable, ["-c", START, str(run.directory), *runs.program], timeout=30
    )
    terminal.expect("started")
    run.reach(1)
    for process in processes(run.directory):
        assert os.getsid(process.pid) != os.getsid(terminal.pid)
    terminal.close(force=True)
    assert not terminal.isalive()
    run.reach(run.step() + 5)
    # Whoever signals the processes by hand gets no other answer.
    for process in processes(run.directory):
        os.kill(process.pid, signal.SIGHUP)
    run.reach(run.step() + 5)
    assert run.facts.state == "running"
    request_stop(run.directory)
    run.expect("stopped")


def test_kill_9_of_who_started_it_does_not_end_it(runs):
    run = runs("train")
    starter = subprocess.Popen(
        [sys.executable, "-c", START, str(run.directory), *runs.program], stdout=subprocess.PIPE
    )
    with starter:
        assert starter.stdout.readline() == b"started\n"
        starter.kill()
    run.reach(run.step() + 3)
    request_stop(run.directory)
    assert run.expect("stopped").exit.code == 0


def test_the_supervisor_holds_no_terminal_and_is_not_our_child(runs):
    run = runs("train")
    supervisor = run.start()
    wait_until(lambda: run.step() > 0)
    targets = [str(Path(f"/proc/{supervisor.pid}/fd/{n}").readlink()) for n in (0, 1, 2)]
    assert targets == [os.devnull, str(run.directory / "log.txt"), str(run.directory / "log.txt")]
    stat = Path(f"/proc/{supervisor.pid}/stat").read_text().rpartition(")")[2].split()
    assert int(stat[1]) != os.getpid()
    assert stat[4] == "0", "a terminal controls it"
