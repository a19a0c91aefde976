"""What is handed out next: each order, control draws, known answers and repeats, whatever people do
meanwhile and however often the hub starts again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from rlhf_tui.hub.recovery import restore
from rlhf_tui.hub.scheduler import Scheduler
from rlhf_tui.hub.selection import Order, Plan, Turns, unit
from rlhf_tui.records import TaskKind
from rlhf_tui.store.chosen import Draws
from rlhf_tui.store.schedule import Mark, TaskMark

LEASE = 1000
KIND: TaskKind = "rank"
ORDERS: tuple[Order, ...] = ("priority", "sequential", "random", "fewest", "informative")
PEOPLE = ["ann", "bob", "cem"]
people = st.sampled_from(PEOPLE)
numbers = st.integers(0, 25)


@given(st.floats(0.01, 0.5), st.text(max_size=5), st.integers(1, 400))
def test_turns_are_a_share_of_all_draws_and_never_bunched(
    share: float, seed: str, count: int
) -> None:
    turns = Turns(share, seed)
    places = [draw for draw in range(count) if turns.falls_on(draw)]
    assert len(places) == turns.before(count)
    assert abs(len(places) - share * count) <= 1
    gaps = [after - before for before, after in pairwise(places)]
    assert all(gap + 1 >= (1 + share) / 2 / share for gap in gaps)


def test_nobody_can_foretell_turns_and_people_have_theirs_at_other_places() -> None:
    plan = Plan(gold_share=0.1)

    def places(who: str) -> list[int]:
        return [draw for draw in range(200) if plan.turn(who, KIND, draw) == "gold"]

    ann = places("ann")
    assert len(ann) == 20
    assert len({after - before for before, after in pairwise(ann)}) > 3
    assert ann != places("bob")
    assert places("ann") == ann
    assert Plan(gold_share=0.0).turn("ann", KIND, 7) == ""


def test_gold_and_repeats_get_their_whole_shares_side_by_side() -> None:
    plan = Plan(gold_share=0.2, repeat_share=0.25)
    turns = [plan.turn("ann", KIND, draw) for draw in range(1000)]
    assert turns.count("gold") == 200
    assert turns.count("repeat") == 200
    assert plan.turns("ann", KIND, 0, 1000) == (200, 200)
    assert plan.turns("ann", KIND, 300, 17) == (
        turns[300:317].count("gold"),
        turns[300:317].count("repeat"),
    )


def leased(scheduler: Scheduler, who: str, limit: int, now: int = 0) -> list[tuple[str, str]]:
    granted, _ = scheduler.lease(who, KIND, limit, now, held=held(scheduler, who))
    return [(grant.task_id, grant.selection) for grant in granted]


def held(scheduler: Scheduler, who: str) -> list[str]:
    return [task for task in scheduler.tasks if scheduler.holds(task, who)]


def test_control_tasks_are_a_random_sample_of_all_however_many_were_chosen_before() -> None:
    """Three quarters of the tasks are handed out, so that of those that models are unsure of next
    to none but control tasks are left over."""
    hits = dict.fromkeys(("low", "high"), 0)
    for seed in range(200):
        plan = Plan("informative", control_share=0.3, seed=seed)
        scheduler = Scheduler(LEASE, plan)
        for number in range(40):
            scheduler.add_task(f"t{number}", KIND)
        scheduler.inform((f"t{n}", 0.25 if n < 20 else 0.0) for n in range(40))
        drawn = leased(scheduler, "ann", 30)
        assert len(drawn) == 30
        for task, selection in drawn:
            assert (selection == "control") == plan.in_control(task)
            if selection == "control":
                hits["high" if int(task[1:]) < 20 else "low"] += 1
        chosen = [int(task[1:]) for task, selection in drawn if selection == "informative"]
        assert chosen == sorted(chosen)  # surest last, of equals the first imported
    total = sum(hits.values())
    # About 30 % of 6000, at most five deviations of a coin from even.
    assert 1500 <= total <= 2100
    assert abs(hits["low"] - total / 2) <= 5 * (total / 4) ** 0.5


def test_what_is_set_aside_does_not_hang_on_scores_people_or_order_of_arrival() -> None:
    names = [f"t{n}" for n in range(30)]
    aside = {n for n in names if Plan("informative", control_share=0.4).in_control(n)}
    assert 0 < len(aside) < len(names)
    assert aside < {n for n in names if Plan("informative", control_share=0.7).in_control(n)}
    assert not any(Plan("random", control_share=1.0).in_control(n) for n in names)
    orders = []
    for arrival, value in ((names, 0.25), (names[::-1], 0.0)):
        scheduler = Scheduler(LEASE, Plan("informative", control_share=0.4))
        for name in arrival:
            scheduler.add_task(name, KIND, overlap=2)
        scheduler.inform((name, value) for name in names[:20])
        for who in ("ann", "bob"):
            drawn = leased(scheduler, who, 30)
            assert len(drawn) == 30
            assert {task for task, why in drawn if why == "control"} == aside
            orders.append([task for task, why in drawn if why == "control"])
    assert orders[0] == orders[1] == orders[2] == orders[3]


def test_what_no_model_has_scored_comes_last_as_it_was_imported_and_says_so() -> None:
    scheduler = Scheduler(LEASE, Plan("informative"))
    for number in range(5):
        scheduler.add_task(f"t{number}", KIND, priority=int(number == 3))
    scheduler.inform([("t4", 0.2), ("t2", 0.1)])
    assert leased(scheduler, "ann", 5) == [
        ("t3", "sequential"),
        ("t4", "informative"),
        ("t2", "informative"),
        ("t0", "sequential"),
        ("t1", "sequential"),
    ]


def test_fewest_spreads_people_before_it_gathers_them() -> None:
    scheduler = Scheduler(LEASE, Plan("fewest"))
    for number in range(4):
        scheduler.add_task(f"t{number}", KIND, overlap=3)
    assert [task for task, _ in leased(scheduler, "ann", 2)] == ["t0", "t1"]
    assert [task for task, _ in leased(scheduler, "bob", 3)] == ["t2", "t3", "t0"]
    scheduler.judge("t0", "bob")
    scheduler.release("t0", "ann")
    assert [task for task, _ in leased(scheduler, "cem", 4)] == ["t0", "t1", "t2", "t3"]


def test_a_changed_order_holds_from_the_next_draw_on() -> None:
    scheduler = Scheduler(LEASE)
    for number in range(6):
        scheduler.add_task(f"t{number}", KIND, priority=number)
    assert leased(scheduler, "ann", 1) == [("t5", "priority")]
    scheduler.arrange(Plan("sequential"))
    assert leased(scheduler, "ann", 2) == [("t0", "sequential"), ("t1", "sequential")]
    scheduler.release("t0", "ann")
    assert leased(scheduler, "ann", 2) == [("t0", ""), ("t2", "sequential")]


class Drawing(RuleBasedStateMachine):
    """Several people, any order of what they do; the model scans sets and sorts every time.

    A restart builds a new scheduler from the model's own fold of the log.
    """

    @initialize(
        order=st.sampled_from(ORDERS),
        control=st.sampled_from([0.0, 0.3, 1.0]),
        gold=st.sampled_from([0.0, 0.2, 0.5]),
        repeat=st.sampled_from([0.0, 0.3, 0.5]),
        seed=st.integers(0, 9),
    )
    def begin(self, order: Order, control: float, gold: float, repeat: float, seed: int) -> None:
        self.plan = Plan(order, control, gold, repeat, seed)
        self.scheduler = Scheduler(LEASE, self.plan)
        self.now = 0
        self.tasks: list[TaskMark] = []
        self.gold: set[str] = set()
        self.values: dict[str, float] = {}
        self.judged: dict[tuple[str, str], int] = {}
        """(task, person) → place in the order of judging."""
        self.skipped: set[tuple[str, str]] = set()
        self.leases: dict[tuple[str, str], int] = {}
        self.drawn: dict[str, int] = dict.fromkeys(PEOPLE, 0)
        self.surplus: dict[str, int] = {}
        self.back: set[tuple[str, str]] = set()
        """(task, person) of what somebody had before them at some time."""

    # --- the model ----------------------------------------------------------------------------

    def level(self, task: str) -> int:
        return len({w for t, w in [*self.judged, *self.leases] if t == task})

    def usual(self) -> list[TaskMark]:
        return [t for t in self.tasks if t.task_id not in self.gold and t.repeat_of is None]

    def untouched(self, task: str, who: str) -> bool:
        return not any((task, who) in known for known in (self.judged, self.skipped, self.leases))

    def open_for(self, who: str) -> list[TaskMark]:
        return [
            task
            for task in self.usual()
            if self.level(task.task_id) < task.overlap and self.untouched(task.task_id, who)
        ]

    def key(self, task: TaskMark) -> tuple[Any, ...]:
        name, number = task.task_id, task.position
        value = self.values.get(name)
        keys: dict[Order, tuple[Any, ...]] = {
            "sequential": (number,),
            "priority": (-task.priority, number),
            "random": (-task.priority, unit(self.plan.seed, "order", name)),
            "fewest": (-task.priority, self.level(name), number),
            "informative": (-task.priority, value is None, -(value or 0), number),
        }
        return keys[self.plan.order]

    def gold_for(self, who: str) -> list[str]:
        return [task for task in sorted(self.gold) if self.untouched(task, who)]

    def repeats_for(self, who: str) -> list[str]:
        return [
            t.task_id
            for t in self.tasks
            if t.assignee == who
            and self.untouched(t.task_id, who)
            and (t.repeat_of, who) in self.judged
        ]

    # --- what happens -------------------------------------------------------------------------

    @rule(overlap=st.integers(1, 3), priority=st.integers(-1, 1), gold=st.sampled_from([0, 0, 1]))
    def add(self, overlap: int, priority: int, gold: int) -> None:
        name = f"t{len(self.tasks)}"
        self.put(TaskMark(name, KIND, overlap, priority, len(self.tasks), "", "", False, None, ""))
        if gold:
            self.set_gold(len(self.tasks) - 1, True)

    def put(self, task: TaskMark) -> None:
        self.tasks.append(task)
        self.surplus[task.task_id] = 0
        self.scheduler.add_task(
            task.task_id,
            KIND,
            task.overlap,
            task.priority,
            repeat_of=task.repeat_of,
            assignee=task.assignee,
        )

    @rule(number=numbers, gold=st.booleans())
    def set_gold(self, number: int, gold: bool) -> None:
        if number < len(self.tasks) and self.tasks[number].repeat_of is None:
            name = self.tasks[number].task_id
            (self.gold.add if gold else self.gold.discard)(name)
            # Without the known answer it may have more judgements than were wanted.
            self.surplus[name] = max(
                self.surplus[name], self.level(name) - self.tasks[number].overlap
            )
            self.scheduler.set_gold(name, gold)

    @precondition(lambda self: self.plan.order == "informative")
    @rule(values=st.dictionaries(numbers, st.sampled_from([0.0, 0.125, 0.25]), max_size=8))
    def inform(self, values: dict[int, float]) -> None:
        known = len(self.tasks)
        self.values = {f"t{number}": value for number, value in values.items() if number < known}
        self.scheduler.inform(self.values.items())

    @rule(who=people)
    def lease(self, who: str) -> None:
        mine = [t for (t, w) in self.leases if w == who]
        possible, gold, again = self.open_for(who), self.gold_for(who), self.repeats_for(who)
        ids = [task.task_id for task in possible]
        back = [t for t in (*ids, *gold, *again) if (t, who) in self.back]
        turn = self.plan.turn(who, KIND, self.drawn[who])
        wanted = bool(self.usual())
        granted, renewed = self.scheduler.lease(who, KIND, 1, self.now, held=mine)
        self.leases |= {(grant.task_id, who): grant.expires_ms for grant in renewed}
        if (wanted and not possible) or (not wanted and not gold):
            assert granted == []
            return
        (grant,) = granted
        name, why = grant.task_id, grant.selection
        if possible and back:
            assert name in back
            assert why == ""
            self.leases[name, who] = grant.expires_ms
            return
        if not wanted or (turn == "gold" and gold):
            assert why == "gold"
            assert name == min(gold, key=lambda task: unit(self.plan.seed, "gold", task))
        elif turn == "repeat" and again:
            assert (name, why) == (again[0], "repeat")
        else:
            self.check_usual(name, why, possible, self.plan.is_control(who, KIND, self.drawn[who]))
        assert grant.fresh
        self.leases[name, who] = grant.expires_ms
        self.drawn[who] += 1
        assert self.scheduler.reason(name, who) == why

    def check_usual(self, name: str, why: str, possible: list[TaskMark], control: bool) -> None:
        aside = [task for task in possible if self.plan.in_control(task.task_id)]
        chosen = [task for task in possible if not self.plan.in_control(task.task_id)]
        if aside and (control or not chosen):
            assert why == "control"
            assert name == min(aside, key=self.control_key).task_id
        else:
            assert name == min(chosen, key=self.key).task_id
            unscored = self.plan.order == "informative" and name not in self.values
            assert why == ("sequential" if unscored else self.plan.order)

    def control_key(self, task: TaskMark) -> tuple[float, float]:
        return (-task.priority, unit(self.plan.seed, "control", task.task_id))

    @rule(who=people, limit=st.integers(1, 3))
    def lease_again_what_was_lost(self, who: str, limit: int) -> None:
        """A client that has lost its connection gets what it had, before anything else."""
        mine = {t for (t, w) in self.leases if w == who}
        if mine:
            granted, _ = self.scheduler.lease(who, KIND, min(limit, len(mine)), self.now)
            assert {grant.task_id for grant in granted} <= mine
            assert all(grant.selection == "" for grant in granted)
            for grant in granted:
                self.leases[grant.task_id, who] = grant.expires_ms

    @rule(who=people)
    def ask_again(self, who: str) -> None:
        for name in self.scheduler.to_ask_again(who, KIND, 6, self.now):
            assert (name, who) in self.judged
            assert name not in self.gold
            assert not any(t.repeat_of == name and t.assignee == who for t in self.tasks)
            number = len(self.tasks)
            self.put(TaskMark(f"t{number}", KIND, 1, 0, number, "", "", False, name, who))

    def at(self, number: int, who: str) -> str | None:
        """A task that the person may have before them; repeats are for one person alone."""
        if number < len(self.tasks) and self.tasks[number].assignee in ("", who):
            return self.tasks[number].task_id
        return None

    def note_back(self, name: str, who: str) -> None:
        """Something befalls a task and a person, and may leave it open for them as it was: whether
        it does is seen when they ask for more."""
        if not self.untouched(name, who):
            self.back.add((name, who))

    @rule(who=people, number=numbers)
    def judge(self, who: str, number: int) -> None:
        if (name := self.at(number, who)) is None:
            return
        full = self.level(name) >= self.tasks[number].overlap
        new = (name, who) not in self.judged and (name, who) not in self.leases
        late = self.scheduler.judge(name, who, self.now)
        assert late == (full and new and name not in self.gold)
        self.surplus[name] += late
        self.leases.pop((name, who), None)
        self.skipped.discard((name, who))
        self.judged.pop((name, who), None)
        self.judged[name, who] = self.now

    @rule(who=people)
    def judge_all_that_is_held(self, who: str) -> None:
        for name, person in list(self.leases):
            if person == who:
                self.judge(who=who, number=int(name[1:]))

    @rule(who=people, number=numbers)
    def skip(self, who: str, number: int) -> None:
        if (name := self.at(number, who)) is not None:
            self.note_back(name, who)
            self.scheduler.skip(name, who)
            self.leases.pop((name, who), None)
            if (name, who) not in self.judged:
                self.skipped.add((name, who))

    @rule(who=people, number=numbers)
    def retract(self, who: str, number: int) -> None:
        if (name := self.at(number, who)) is not None:
            self.note_back(name, who)
            self.scheduler.retract(name, who)
            self.judged.pop((name, who), None)
            self.skipped.discard((name, who))

    @rule(who=people, number=numbers)
    def release(self, who: str, number: int) -> None:
        if (name := self.at(number, who)) is not None:
            self.note_back(name, who)
            self.scheduler.release(name, who)
            self.leases.pop((name, who), None)

    @rule(passed=st.integers(1, LEASE))
    def wait(self, passed: int) -> None:
        self.now += passed
        self.scheduler.expire(self.now)
        for key, end in self.leases.items():
            if end <= self.now:
                self.note_back(*key)
        self.leases = {key: end for key, end in self.leases.items() if end > self.now}

    @rule()
    def restart(self) -> None:
        known = [*self.judged, *(self.skipped - set(self.judged))]
        known += [key for key in self.leases if key not in known]
        known += [key for key in sorted(self.back) if key not in known]
        marks = [
            Mark(
                name,
                who,
                (name, who) in self.judged,
                False,
                (name, who) in self.skipped,
                "",
                self.leases.get((name, who), 0),
                self.judged.get((name, who), 0),
            )
            for name, who in known
        ]
        tasks = [
            TaskMark(t.task_id, KIND, t.overlap, t.priority, t.position, "", "", g, *rest)
            for t, g, *rest in (
                (t, t.task_id in self.gold, t.repeat_of, t.assignee) for t in self.tasks
            )
        ]
        drawn = [Draws(who, KIND, count) for who, count in self.drawn.items()]
        self.scheduler = Scheduler(LEASE, self.plan)
        # The store gives tasks by priority: the order of import is the scheduler's own matter.
        restore(self.scheduler, sorted(tasks, key=lambda t: -t.priority), marks, drawn, self.now)
        if self.plan.order == "informative":
            self.scheduler.inform(self.values.items())

    # --- what is always true ------------------------------------------------------------------

    @invariant()
    def no_slot_is_given_twice(self) -> None:
        for task in self.usual():
            assert self.level(task.task_id) <= task.overlap + self.surplus[task.task_id]

    @invariant()
    def counts_are_those_of_a_scan(self) -> None:
        counts = self.scheduler.counts[KIND]
        usual = self.usual()
        ids = {task.task_id for task in usual}
        assert (counts.tasks, counts.gold) == (len(usual), len(self.gold))
        assert counts.wanted == sum(task.overlap for task in usual)
        assert counts.judgements == sum(name in ids for name, _ in self.judged)
        for who in PEOPLE:
            own = self.scheduler.own(who, KIND)
            assert own.drawn == self.drawn[who]
            assert own.judged == sum(w == who for _, w in self.judged)
            assert own.skipped == sum(w == who for _, w in self.skipped)
            possible, gold = len(self.open_for(who)), len(self.gold_for(who))
            assert counts.open - own.closed == possible
            before_them = self.scheduler.open_for(who, KIND)
            if not usual:
                assert before_them == gold
            else:
                assert possible <= before_them
                assert (before_them == 0) == (possible == 0)


TestDrawing = Drawing.TestCase
TestDrawing.settings = settings(max_examples=120, stateful_step_count=50)


@pytest.mark.parametrize("order", ORDERS)
def test_tasks_that_come_later_find_their_place_in_every_order(order: Order) -> None:
    """Hundreds of tasks in batches between draws: as runs are merged nothing is lost or given
    twice, and everybody sees the whole in one order."""
    scheduler = Scheduler(LEASE, Plan(order, seed=4))
    count = 0
    seen: dict[str, list[str]] = {"ann": [], "bob": []}
    for size in (1, 40, 3, 150, 7, 7, 90, 1, 1, 200):
        for _ in range(size):
            scheduler.add_task(f"t{count}", KIND, overlap=2, priority=count % 3)
            count += 1
        for who, mine in seen.items():
            mine += [task for task, _ in leased(scheduler, who, 9)]
    for who, mine in seen.items():
        while found := leased(scheduler, who, 50):
            mine += [task for task, _ in found]
        assert sorted(mine, key=lambda task: int(task[1:])) == [f"t{n}" for n in range(count)]
    assert scheduler.counts[KIND].open == 0


def steps(draw: Callable[[], list[tuple[str, str]]], remaining: Callable[[], int]) -> list[int]:
    """How much `remaining` falls with each item, to the end."""
    falls, before = [], remaining()
    while draw():
        falls.append(before - remaining())
        before -= falls[-1]
    return falls


def test_what_remains_falls_by_one_with_each_item_whatever_it_is() -> None:
    scheduler = Scheduler(LEASE, Plan(gold_share=0.2))
    for number in range(60):
        scheduler.add_task(f"t{number}", KIND, gold=number >= 40)
    total = scheduler.open_for("ann", KIND)
    assert total == 40 + 10
    falls = steps(lambda: leased(scheduler, "ann", 1), lambda: scheduler.open_for("ann", KIND))
    assert falls == [1] * total
    assert scheduler.open_for("ann", KIND) == 0


def kinds_of(plan: Plan, count: int) -> tuple[Scheduler, int]:
    """Wanted tasks, as many known answers again, and how many draws there will be."""
    scheduler = Scheduler(LEASE, plan)
    for number in range(2 * count):
        scheduler.add_task(f"t{number}", KIND, gold=number >= count)
    return scheduler, scheduler.open_for("ann", KIND)


def test_what_is_given_back_comes_first_again_whatever_it_is() -> None:
    """Who leaves with an item on the screen and comes back finds it there; where a known answer
    was gone, its absence would tell."""
    scheduler, total = kinds_of(Plan(gold_share=0.3), 30)
    seen = set()
    for draw in range(total):
        ((task, why),) = leased(scheduler, "ann", 1)
        seen.add(why)
        if (before := scheduler.open_for("ann", KIND)) == 0:
            break  # the last one: nothing is left to come between
        if draw % 2:
            scheduler.release(task, "ann")
        else:
            scheduler.expire(scheduler.holds(task, "ann"))
        assert scheduler.open_for("ann", KIND) == before + 1
        assert leased(scheduler, "ann", 1) == [(task, "")]
        assert scheduler.open_for("ann", KIND) == before
        assert scheduler.reason(task, "ann") == why
        scheduler.judge(task, "ann")
    assert seen == {"gold", "priority"}


def test_the_counts_that_people_are_told_move_alike_for_everything() -> None:
    scheduler, total = kinds_of(Plan(gold_share=0.25), 30)
    judged, wanted = scheduler.told("ann", KIND)
    assert (judged, wanted) == (0, total)
    assert total > 30
    reasons = []
    for draw in range(total):
        ((task, why),) = leased(scheduler, "ann", 1)
        reasons.append(why)
        assert scheduler.told("ann", KIND) == (draw, total)
        if draw % 5 == 3:
            scheduler.skip(task, "ann")
            assert scheduler.told("ann", KIND) == (draw, total)
            scheduler.lease("ann", KIND, 1, 0, skipped=True)
        scheduler.judge(task, "ann")
        assert scheduler.told("ann", KIND) == (draw + 1, total)
        if draw % 7 == 4:
            scheduler.retract(task, "ann")
            scheduler.lease_again(task, "ann", 0)
            assert scheduler.told("ann", KIND) == (draw, total)
            scheduler.judge(task, "ann")
    assert set(reasons) == {"gold", "priority"}
    assert leased(scheduler, "ann", 1) == []
    # Another one has nothing to do, and is told that all is done.
    assert scheduler.told("bob", KIND) == (total, total)


def test_known_answers_alone_are_an_examination() -> None:
    scheduler = Scheduler(LEASE, Plan(gold_share=0.0))
    for number in range(3):
        scheduler.add_task(f"t{number}", KIND, gold=True)
    for who in PEOPLE:
        assert scheduler.open_for(who, KIND) == 3
        assert {task for task, _ in leased(scheduler, who, 9)} == {"t0", "t1", "t2"}
        assert scheduler.open_for(who, KIND) == 0
