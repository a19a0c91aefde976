"""The state of runs whose files tell what cannot be played through here in a test's time."""

from __future__ import annotations

import os
import time

import msgspec
import pytest

from rlhf_tui.errors import InputError, RunFailed
from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import request_stop
from rlhf_tui.runs.layout import LOST_AFTER_S, ProcessMark, RunExit, RunStatus, StopRequest
from rlhf_tui.runs.process import alive, mark

GONE = 2**22 + 1
"""Above the highest process number that Linux gives."""


def changed(found: ProcessMark, **fields: object) -> ProcessMark:
    return msgspec.structs.replace(found, **fields)


def write(run, name, value):
    layout.write_atomic(run.directory / name, value)


def status(phase="running", process=None, age=0.0, **fields):
    return RunStatus(phase, process or mark(), time.time() - age, **fields)


def test_queued_until_a_supervisor_has_stood(runs):
    facts = runs("finish").facts
    assert (facts.state, facts.started, facts.lost) == ("queued", 0.0, False)


def test_an_old_heartbeat_of_a_living_worker_is_lost(runs):
    run = runs("finish")
    write(run, layout.SUPERVISOR, mark())
    write(run, layout.STATUS, status(age=LOST_AFTER_S + 5))
    assert (run.facts.state, run.facts.lost) == ("running", True)
    write(run, layout.STATUS, status(age=LOST_AFTER_S - 30))
    assert (run.facts.state, run.facts.lost) == ("running", False)


def test_a_worker_that_starts_slowly_is_not_lost_at_once(runs):
    run = runs("finish")
    write(run, layout.SUPERVISOR, changed(mark(), started=time.time() - 10))
    assert (run.facts.state, run.facts.lost) == ("running", False)


def test_a_run_of_another_machine_is_only_shown(runs):
    run = runs("finish")
    there = changed(mark(), host="elsewhere", boot_id="x")
    write(run, layout.SUPERVISOR, there)
    write(run, layout.STATUS, status(process=there, message="Step 7 of 9"))
    facts = run.facts
    assert (facts.state, facts.elsewhere, facts.lost) == ("running", "elsewhere", False)
    assert facts.message == "Runs on elsewhere. Step 7 of 9"
    with pytest.raises(RunFailed, match="on elsewhere"):
        request_stop(run.directory)
    assert not (run.directory / layout.STOP).exists()
    write(run, layout.STATUS, status("finished", process=there))
    assert run.facts.state == "finished"


def test_a_restarted_machine_is_named(runs):
    run = runs("finish")
    before = changed(mark(), boot_id="another")
    write(run, layout.SUPERVISOR, before)
    write(run, layout.STATUS, status(process=before))
    facts = run.facts
    assert facts.state == "failed"
    assert "restarted while it ran" in facts.message


@pytest.mark.parametrize("phase", ["finished", "stopped", "failed"])
def test_the_workers_last_word_counts_when_the_supervisor_left_none(runs, phase):
    run = runs("finish")
    gone = changed(mark(), pid=GONE)
    write(run, layout.SUPERVISOR, gone)
    write(run, layout.WORKER, gone)
    write(run, layout.STATUS, status(phase, process=gone, message="last word"))
    assert (run.facts.state, run.facts.message) == (phase, "last word")


@pytest.mark.parametrize(
    ("ended", "phase", "stop", "state"),
    [
        (RunExit(0, None, False, 1.0), "finished", None, "finished"),
        (RunExit(0, None, False, 1.0), "finished", StopRequest(1.0), "finished"),
        (RunExit(0, None, False, 1.0), "stopped", StopRequest(1.0), "stopped"),
        (RunExit(3, None, False, 1.0), "failed", StopRequest(1.0), "failed"),
        (RunExit(None, 9, False, 1.0), "running", StopRequest(1.0, True), "stopped"),
        (RunExit(None, 9, True, 1.0), "running", StopRequest(1.0, True), "failed"),
        (RunExit(None, 9, False, 1.0), "running", None, "failed"),
        (RunExit(None, 15, False, 1.0), "running", StopRequest(1.0), "stopped"),
        (RunExit(None, 11, False, 1.0), "running", StopRequest(1.0), "failed"),
        (RunExit(12, None, True, 1.0), "failed", None, "failed"),
        (RunExit(None, None, False, 1.0), "starting", None, "failed"),
    ],
)
def test_the_state_after_an_exit(runs, ended, phase, stop, state):
    run = runs("finish")
    write(run, layout.SUPERVISOR, changed(mark(), pid=GONE))
    write(run, layout.STATUS, status(phase))
    write(run, layout.EXIT, ended)
    if stop is not None:
        write(run, layout.STOP, stop)
    assert run.facts.state == state
    assert run.facts.ended == 1.0


def test_a_folder_that_is_no_run_and_a_broken_file_are_sentences(runs, tmp_path):
    run = runs("finish")
    (run.directory / layout.STATUS).write_text('{"phase": "runn')
    with pytest.raises(InputError, match=r"status\.json cannot be read"):
        _ = run.facts
    for name in (layout.STATUS, layout.ARGS):
        (run.directory / name).unlink()
    with pytest.raises(InputError, match="not a run directory"):
        _ = run.facts


def test_a_process_is_told_from_a_later_one_of_the_same_number():
    me = mark()
    assert alive(me)
    assert me.pid == os.getpid()
    assert not alive(changed(me, ticks=me.ticks - 1))
    assert not alive(changed(me, ticks=0, started=me.started - 60))
    assert alive(changed(me, started=me.started - 3600)), "the clock was set; ticks still match"
    assert not alive(changed(me, boot_id="another"))
    assert not alive(changed(me, host="elsewhere"))
    assert not alive(changed(me, pid=GONE))
    with pytest.raises(ProcessLookupError):
        mark(GONE)


def test_a_child_that_ended_is_not_alive_before_it_is_waited_for():
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.read(reading, 1)
        os._exit(0)
    found = mark(child)
    assert alive(found)
    os.write(writing, b"1")
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert not alive(found)
    os.waitpid(child, 0)
    for descriptor in (reading, writing):
        os.close(descriptor)
