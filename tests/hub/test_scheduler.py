"""The scheduler against a plain model of the rules, under any order of what people do."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rlhf_tui.hub.scheduler import Scheduler
from rlhf_tui.records import TaskKind

LEASE = 1000
PEOPLE = ["ann", "bob", "cem", "dua"]
people = st.sampled_from(PEOPLE)
KIND: TaskKind = "rank"


class Rules(RuleBasedStateMachine):
    """Leases, judgements, skips … in any order; the model holds sets and scans them all."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.scheduler = Scheduler(LEASE)
        self.overlap: dict[str, int] = {}
        self.priority: dict[str, int] = {}
        self.judged: dict[str, set[str]] = {}
        self.surplus: dict[str, int] = {}
        self.skipped: dict[str, set[str]] = {}
        self.leases: dict[tuple[str, str], int] = {}
        self.had: set[tuple[str, str]] = set()
        """Who had what before them at some time; what is open again comes first to them."""

    def live(self, task: str) -> set[str]:
        return {w for (t, w), end in self.leases.items() if t == task and end > self.now}

    def is_open(self, task: str) -> bool:
        return len(self.judged[task]) + len(self.live(task)) < self.overlap[task]

    def open_for(self, who: str) -> set[str]:
        return {
            task
            for task in self.overlap
            if self.is_open(task)
            and who not in self.judged[task] | self.skipped[task] | self.live(task)
        }

    @rule(overlap=st.integers(1, 3), priority=st.integers(0, 2))
    def add(self, overlap: int, priority: int) -> None:
        task = f"t{len(self.overlap)}"
        self.scheduler.add_task(task, KIND, overlap, priority)
        self.overlap[task], self.priority[task] = overlap, priority
        self.judged[task], self.skipped[task], self.surplus[task] = set(), set(), 0

    @rule(who=people, limit=st.integers(1, 4), holding=st.booleans())
    def lease(self, who: str, limit: int, holding: bool) -> None:
        mine = {t for (t, w), end in self.leases.items() if w == who and end > self.now}
        held = sorted(mine) if holding else []
        before = self.open_for(who)
        granted, renewed = self.scheduler.lease(who, KIND, limit, self.now, held=held)
        ids = [grant.task_id for grant in granted]
        assert len(ids) == len(set(ids))
        assert not set(ids) & set(held)
        back = [task for task in ids if task in mine]
        new = [task for task in ids if task not in mine]
        assert set(new) <= before
        assert len(back) == min(limit, len(mine) - len(held))
        assert len(new) == min(limit - len(back), len(before))
        again = {task for task in before if (task, who) in self.had}
        assert set(new[: len(again)]) <= again
        # Then higher priorities first, and of one priority in their order.
        new, before = new[len(again) :], before - set(new)
        assert not again.intersection(new)
        rank = {t: (-self.priority[t], int(t[1:])) for t in self.overlap}
        assert sorted(new, key=rank.__getitem__) == new
        assert all(rank[n] <= rank[left] for n in new for left in before)
        for grant in granted + renewed:
            assert grant.expires_ms >= self.now + LEASE // 2
            self.leases[grant.task_id, who] = grant.expires_ms
            self.had.add((grant.task_id, who))

    @rule(who=people, limit=st.integers(1, 3))
    def lease_skipped(self, who: str, limit: int) -> None:
        possible = {t for t in self.overlap if who in self.skipped[t] and self.is_open(t)}
        possible -= {t for t in self.overlap if who in self.live(t)}
        assert self.scheduler.skipped_open(who, KIND) == len(possible)
        granted, _ = self.scheduler.lease(who, KIND, limit, self.now, skipped=True)
        ids = {grant.task_id for grant in granted}
        assert ids <= possible
        assert len(ids) == min(limit, len(possible))
        for grant in granted:
            self.leases[grant.task_id, who] = grant.expires_ms

    @rule(who=people, number=st.integers(0, 30))
    def judge(self, who: str, number: int) -> None:
        task = f"t{number}"
        late = self.scheduler.judge(task, who)
        if task not in self.overlap:
            assert not late
            return
        new = who not in self.judged[task] and who not in self.live(task)
        assert late == (new and not self.is_open(task))
        self.surplus[task] += late
        self.leases.pop((task, who), None)
        self.judged[task].add(who)
        self.had.add((task, who))
        self.skipped[task].discard(who)

    @rule(who=people, number=st.integers(0, 30))
    def skip(self, who: str, number: int) -> None:
        task = f"t{number}"
        self.scheduler.skip(task, who)
        self.leases.pop((task, who), None)
        if task in self.overlap:
            self.had.add((task, who))
        if task in self.overlap and who not in self.judged[task]:
            self.skipped[task].add(who)

    @rule(who=people, number=st.integers(0, 30))
    def retract(self, who: str, number: int) -> None:
        task = f"t{number}"
        self.scheduler.retract(task, who)
        if task in self.overlap:
            self.judged[task].discard(who)
            self.skipped[task].discard(who)

    @rule(who=people, number=st.integers(0, 30))
    def release(self, who: str, number: int) -> None:
        self.scheduler.release(f"t{number}", who)
        self.leases.pop((f"t{number}", who), None)

    @rule(passed=st.integers(1, LEASE))
    def wait(self, passed: int) -> None:
        self.now += passed
        self.scheduler.expire(self.now)
        self.leases = {key: end for key, end in self.leases.items() if end > self.now}

    @invariant()
    def overlap_is_never_exceeded(self) -> None:
        for task, state in self.scheduler.tasks.items():
            beyond = len(state.judged) + len(state.leases) - self.overlap[task]
            assert beyond <= self.surplus[task]

    @invariant()
    def counts_are_those_of_a_scan(self) -> None:
        counts = self.scheduler.counts[KIND]
        assert counts.tasks == len(self.overlap)
        assert counts.judgements == sum(map(len, self.judged.values()))
        assert counts.open == sum(map(self.is_open, self.overlap))
        for who in PEOPLE:
            own = self.scheduler.own(who, KIND)
            assert self.scheduler.open_for(who, KIND) == len(self.open_for(who))
            assert own.judged == sum(who in judged for judged in self.judged.values())
            assert own.skipped == sum(who in skipped for skipped in self.skipped.values())


TestRules = Rules.TestCase
TestRules.settings = settings(max_examples=60, stateful_step_count=60)


def test_a_live_lease_comes_back_first_after_a_reconnect() -> None:
    scheduler = Scheduler(LEASE)
    for number in range(5):
        scheduler.add_task(f"t{number}", KIND)
    first, _ = scheduler.lease("ann", KIND, 2, 0)
    again, _ = scheduler.lease("ann", KIND, 3, 10)
    assert [g.task_id for g in again] == ["t0", "t1", "t2"]
    # The first two are unchanged: nothing to write down.
    assert [g.fresh for g in again] == [False, False, True]
    assert again[:2] == [type(g)(g.task_id, g.expires_ms, fresh=False) for g in first]


def test_a_held_lease_is_renewed_when_half_of_it_is_gone() -> None:
    scheduler = Scheduler(LEASE)
    scheduler.add_task("t0", KIND)
    scheduler.lease("ann", KIND, 1, 0)
    _, renewed = scheduler.lease("ann", KIND, 1, 400, held=["t0"])
    assert renewed == []
    _, renewed = scheduler.lease("ann", KIND, 1, 600, held=["t0"])
    assert [g.expires_ms for g in renewed] == [600 + LEASE]
    scheduler.expire(LEASE + 1)
    assert scheduler.holds("t0", "ann") == 600 + LEASE


def test_a_judgement_after_its_lease_is_surplus_only_when_others_have_filled_the_overlap() -> None:
    scheduler = Scheduler(LEASE)
    for task in ("kept", "taken"):
        scheduler.add_task(task, KIND)
    scheduler.lease("ann", KIND, 2, 0)
    scheduler.expire(LEASE)
    granted, _ = scheduler.lease("bob", KIND, 1, LEASE)
    assert [g.task_id for g in granted] == ["kept"]
    assert scheduler.judge("kept", "ann")
    assert not scheduler.judge("taken", "ann")
    assert not scheduler.judge("kept", "bob")
