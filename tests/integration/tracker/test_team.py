"""A supervisor's team on any day: histories made by hand, against the calendar, and what nobody else may learn of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.integration.tracker.teamwork import ANN, BEN, JO, LETTERS, Story, clear, day, post, statements, tell
from tests.world import World
from tracker.actions import people, staff
from tracker.extensions import db, today
from tracker.models import Consent, Membership, Person
from tracker.queries import team, workload

MARCH = "31 Mar 2026"
"""A Tuesday: the last full weeks run from Monday 2 March to Sunday 29 March, when the clocks change."""


@pytest.fixture
def world(world: World) -> World:
    clear(world)
    return world


def look(world: World, on: str, by: str = JO, site: str | None = None) -> team.Team:
    asker = world.user(by)
    places = [place for place in team.places(by=asker) if site in (None, place[0].slug)]
    return team.team(day(on), places, by=asker)


def row(found: team.Team, worker: str | None, world: World) -> team.Load:
    wanted = world.users[worker] if worker else None
    return next((each for each in found.loads if (each.worker and each.worker.id) == wanted), team.Load(None))


def counted(found: team.Team, world: World) -> dict[str, tuple[int, int, int, int]]:
    """By letter (- is nobody): open, new this month, taken over, closed; who has nothing of it is left out."""
    letters: Mapping[str | None, str] = {name: letter for letter, name in LETTERS.items()} | {None: "-"}
    names = {id: name for name, id in world.users.items()}
    told = {
        letters[names[each.worker.id] if each.worker else None]: (each.open, each.new, each.taken_over, each.closed)
        for each in found.loads
    }
    return {letter: numbers for letter, numbers in told.items() if any(numbers)}


# ---------------------------------------------------------------------------- open, new, taken over, closed

STORIES: list[tuple[str, list[Story], dict[str, dict[str, tuple[int, int, int, int]]]]] = [
    (
        "one worker all along", [Story("2 Mar 2026", ["A 2 Mar 2026"])],
        {"1 Mar 2026": {}, "2 Mar 2026": {"A": (1, 1, 0, 0)}, MARCH: {"A": (1, 1, 0, 0)}, "1 Apr 2026": {"A": (1, 0, 0, 0)}},
    ),
    (
        "on the last day of February and on the first of March",
        [Story("28 Feb 2026", ["A 28 Feb 2026"]), Story("1 Mar 2026", ["A 1 Mar 2026"])],
        {"28 Feb 2026": {"A": (1, 1, 0, 0)}, "1 Mar 2026": {"A": (2, 1, 0, 0)}, MARCH: {"A": (2, 1, 0, 0)}},
    ),
    (
        "at the turn of the year",
        [Story("31 Dec 2025", ["A 31 Dec 2025"]), Story("1 Jan 2026", ["A 1 Jan 2026"])],
        {"31 Dec 2025": {"A": (1, 1, 0, 0)}, "1 Jan 2026": {"A": (2, 1, 0, 0)}},
    ),
    (
        "the leap day is a day of February", [Story("29 Feb 2024", ["A 29 Feb 2024 - 1 Mar 2024"], closed="1 Mar 2024")],
        {"29 Feb 2024": {"A": (1, 1, 0, 0)}, "31 Mar 2024": {"A": (0, 0, 0, 1)}},
    ),
    (
        "handed over", [Story("2 Feb 2026", ["A 2 Feb 2026 - 10 Mar 2026", "B 10 Mar 2026"])],
        {"9 Mar 2026": {"A": (1, 0, 0, 0)}, "10 Mar 2026": {"B": (1, 0, 1, 0)}, "30 Apr 2026": {"B": (1, 0, 0, 0)}},
    ),
    (
        "new and handed over in one month", [Story("2 Mar 2026", ["A 2 Mar 2026 - 10 Mar 2026", "B 10 Mar 2026"])],
        {"9 Mar 2026": {"A": (1, 1, 0, 0)}, MARCH: {"A": (0, 1, 0, 0), "B": (1, 0, 1, 0)}},
    ),
    (
        "handed on the day it came", [Story("2 Mar 2026", ["A 2 Mar 2026 - 2 Mar 2026", "B 2 Mar 2026"])],
        {"2 Mar 2026": {"B": (1, 1, 0, 0)}},
    ),
    (
        "three in turn, one for no whole day",
        [Story("2 Mar 2026", ["A 2 Mar 2026 - 9 Mar 2026", "B 9 Mar 2026 - 9 Mar 2026", "C 9 Mar 2026"])],
        {MARCH: {"A": (0, 1, 0, 0), "C": (1, 0, 1, 0)}},
    ),
    (
        "there and back again",
        [Story("2 Feb 2026", ["A 2 Feb 2026 - 3 Mar 2026", "B 3 Mar 2026 - 20 Mar 2026", "A 20 Mar 2026"])],
        {MARCH: {"A": (1, 0, 1, 0), "B": (0, 0, 1, 0)}},
    ),
    (
        "closed", [Story("2 Mar 2026", ["A 2 Mar 2026 - 20 Mar 2026"], closed="20 Mar 2026")],
        {"19 Mar 2026": {"A": (1, 1, 0, 0)}, "20 Mar 2026": {"A": (0, 1, 0, 1)}, "1 Apr 2026": {}},
    ),
    (
        "closed by whoever took it that day",
        [Story("2 Feb 2026", ["A 2 Feb 2026 - 20 Mar 2026", "B 20 Mar 2026 - 20 Mar 2026"], closed="20 Mar 2026")],
        {MARCH: {"B": (0, 0, 0, 1)}},
    ),
    (
        "begun and closed within a day", [Story("2 Mar 2026", ["A 2 Mar 2026 - 2 Mar 2026"], closed="2 Mar 2026")],
        {MARCH: {"A": (0, 1, 0, 1)}},
    ),
    (
        "closed, and reopened by another",
        [Story("2 Feb 2026", ["A 2 Feb 2026 - 3 Mar 2026", "B 12 Mar 2026"], shut=["3 Mar 2026 - 12 Mar 2026"])],
        {"3 Mar 2026": {"A": (0, 0, 0, 1)}, "11 Mar 2026": {"A": (0, 0, 0, 1)}, "12 Mar 2026": {"B": (1, 0, 1, 0)}},
    ),
    (
        "closed and reopened on a day by the same",
        [Story("2 Feb 2026", ["A 2 Feb 2026 - 3 Mar 2026", "A 3 Mar 2026"], shut=["3 Mar 2026 - 3 Mar 2026"])],
        {MARCH: {"A": (1, 0, 0, 0)}},
    ),
    (
        "reopened and closed again in the month",
        [Story(
            "2 Feb 2026", ["A 2 Feb 2026 - 3 Mar 2026", "A 9 Mar 2026 - 20 Mar 2026"], closed="20 Mar 2026",
            shut=["3 Mar 2026 - 9 Mar 2026"],
        )],
        {"5 Mar 2026": {"A": (0, 0, 0, 1)}, "10 Mar 2026": {"A": (1, 0, 1, 0)}, MARCH: {"A": (0, 0, 1, 1)}},
    ),
    (
        "the same referral twice, overlapping",
        [Story("2 Feb 2026", ["A 2 Feb 2026 - 10 Mar 2026", "A 5 Mar 2026 - 20 Mar 2026"], closed="20 Mar 2026")],
        {"7 Mar 2026": {"A": (1, 0, 0, 0)}, "15 Mar 2026": {"A": (1, 0, 0, 0)}, MARCH: {"A": (0, 0, 0, 1)}},
    ),
    (
        "two hold one referral, overlapping", [Story("2 Feb 2026", ["A 2 Feb 2026 - 20 Mar 2026", "B 10 Mar 2026"])],
        {"9 Mar 2026": {"A": (1, 0, 0, 0)}, "15 Mar 2026": {"A": (1, 0, 0, 0), "B": (1, 0, 1, 0)}, MARCH: {"B": (1, 0, 1, 0)}},
    ),
    (
        "accepted, and nobody's", [Story("27 Feb 2026", accepted="3 Mar 2026")],
        {"2 Mar 2026": {}, "3 Mar 2026": {"-": (1, 1, 0, 0)}, "30 Apr 2026": {"-": (1, 0, 0, 0)}},
    ),
    (
        "nobody's until somebody takes it", [Story("2 Feb 2026", ["B 10 Mar 2026"])],
        {"2 Feb 2026": {"-": (1, 0, 0, 0)}, "9 Mar 2026": {"-": (1, 0, 0, 0)}, "10 Mar 2026": {"B": (1, 1, 0, 0)}},
    ),
    (
        "nobody's between two", [Story("2 Feb 2026", ["A 2 Feb 2026 - 3 Mar 2026", "B 10 Mar 2026"])],
        {"5 Mar 2026": {"-": (1, 0, 0, 0)}, MARCH: {"B": (1, 0, 1, 0)}},
    ),
    ("closed before anybody took it", [Story("2 Mar 2026", closed="9 Mar 2026")], {MARCH: {"-": (0, 1, 0, 1)}}),
]  # fmt: skip


@pytest.mark.parametrize(("story", "told", "expected"), STORIES, ids=[each[0] for each in STORIES])
def test_the_numbers_of_each_worker_on_a_day(
    world: World, story: str, told: list[Story], expected: dict[str, dict[str, tuple[int, int, int, int]]]
):
    tell(world, *told)
    for on, numbers in expected.items():
        assert counted(look(world, on), world) == numbers, f"{story}, {on}"


def test_all_together_counts_a_referral_that_two_hold_once(world: World):
    tell(
        world,
        Story("2 Feb 2026", ["A 2 Feb 2026 - 20 Mar 2026", "B 10 Mar 2026"]),
        Story("2 Feb 2026", ["B 2 Feb 2026"]),
        Story("3 Feb 2026"),
    )
    found = look(world, "15 Mar 2026")
    assert [row(found, worker, world).open for worker in (ANN, BEN, None)] == [1, 2, 1]
    assert found.together.open == 3


def anything(draw: random.Random) -> Story:
    """Somebody's history of holders, gaps and overlaps, wherever they fall."""
    began = date(2025, 9, 1) + timedelta(draw.randrange(180))
    marks = sorted(began + timedelta(draw.randrange(200)) for _ in range(draw.randrange(6)))
    words = [f"{each.day} {each:%b %Y}" for each in marks]
    stays = [f"{draw.choice('ABCJ')} {first} - {last}" for first, last in itertools.pairwise(words)]
    if stays and draw.random() < 0.5:
        stays[-1] = stays[-1].partition(" - ")[0]
    return Story(f"{began.day} {began:%b %Y}", stays)


@pytest.mark.parametrize("seed", range(3))
def test_any_history_gives_the_caseload_that_the_other_query_gives(world: World, seed: int):
    draw = random.Random(seed)
    tell(world, *(anything(draw) for _ in range(25)))
    for back in sorted(draw.sample(range(300), 12)):
        on = date(2026, 7, 1) - timedelta(back)
        found = look(world, f"{on.day} {on:%b %Y}")
        held = workload.held_on(on, by=world.user(JO))
        assert {each.worker.id: each.open for each in found.loads if each.worker and each.open} == {
            worker: len(referrals) for worker, referrals in held.items()
        }
        nobody = row(found, None, world).open
        assert found.together.open == len(frozenset().union(*held.values())) + nobody


# ------------------------------------------------------------------------------------------ against hours


def test_part_time_posts_of_the_day_are_what_the_caseload_is_read_against(world: World):
    tell(world, *(Story("2 Feb 2026", ["A 2 Feb 2026"]) for _ in range(6)))
    post(world, ANN, 0.5, "1 Jan 2026", "15 Mar 2026")
    post(world, ANN, 0.8, "16 Mar 2026")
    told = {on: row(look(world, on), ANN, world) for on in ("15 Mar 2026", "16 Mar 2026")}
    assert {on: (each.fte, each.per_fte) for on, each in told.items()} == {
        "15 Mar 2026": (0.5, 12.0), "16 Mar 2026": (0.8, pytest.approx(7.5)),
    }  # fmt: skip


def test_nobody_is_divided_by_no_post(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    load = row(look(world, MARCH), ANN, world)
    assert (load.open, load.fte, load.per_fte) == (1, 0.0, None)
    assert look(world, MARCH).together.per_fte is None


def test_two_part_time_posts_at_two_sites_count_with_the_sites_that_are_looked_at(world: World):
    with db.transaction():
        admin, quay = world.user("administrator"), world.site("quay")
        staff.grant(by=admin, user=world.user(JO), role="supervisor", study=world.study(), site=quay)
    tell(
        world,
        Story("2 Feb 2026", ["A 2 Feb 2026"]),
        *(Story("2 Feb 2026", ["A 2 Feb 2026"], place=("garden", "quay")) for _ in range(2)),
    )
    post(world, ANN, 0.4, "1 Jan 2026")
    post(world, ANN, 0.2, "1 Jan 2026", site="quay")
    told = {site: row(look(world, MARCH, site=site), ANN, world) for site in ("mill", "quay", None)}
    assert {site: (each.open, each.fte) for site, each in told.items()} == {
        "mill": (1, 0.4), "quay": (2, 0.2), None: (3, 0.6),
    }  # fmt: skip
    assert told[None].per_fte == pytest.approx(5.0)


def test_everybody_with_the_role_a_post_or_somebody_to_look_after_has_a_row(world: World):
    """Ben has only the role, the supervisor holds somebody, the quay worker has a post here, an assessor has none of it."""
    tell(world, Story("2 Feb 2026", ["J 2 Feb 2026"]))
    post(world, "quay-worker", 0.3, "1 Jan 2026")
    post(world, ANN, 0.5, "1 Jan 2026", "31 Jan 2026")
    names = [each.worker.name for each in look(world, MARCH).loads]
    assert names == ["Ben", "Cat", "Link-Worker", "Quay-Worker", "Supervisor"]


@pytest.mark.parametrize(("on", "there"), [("9 Mar 2026", False), ("10 Mar 2026", True), ("19 Mar 2026", True), ("20 Mar 2026", False)])  # fmt: skip
def test_who_has_nothing_but_the_role_is_there_while_they_have_it(world: World, on: str, there: bool):
    with db.transaction() as session:
        for held in session.query(Membership).filter_by(user_id=world.users[BEN]):
            held.recorded_at = noon("10 Mar 2026")
            held.ended_at, held.ended_by = noon("20 Mar 2026"), world.users["administrator"]
    assert ("Ben" in [each.worker.name for each in look(world, on).loads if each.worker]) is there


def noon(words: str) -> datetime:
    return datetime.combine(day(words), time(12), tzinfo=UTC)


# ------------------------------------------------------------------------------------- contacts and weeks


def logged(*contacts: tuple[str, str, str, int]) -> Story:
    return Story("1 Sep 2025", ["A 1 Sep 2025"], contacts=contacts)


def test_contacts_and_minutes_are_of_the_last_four_full_weeks_monday_to_sunday(world: World):
    """On a Tuesday: from the Monday five weeks back to the last Sunday, both counted, the days around them not."""
    edges = ("1 Mar 2026", "2 Mar 2026", "29 Mar 2026", "30 Mar 2026")
    tell(world, logged(*(("A", on, "attended", 10 ** (1 + n % 2)) for n, on in enumerate(edges))))
    found = look(world, MARCH)
    assert (found.counted_from, found.counted_until) == (day("2 Mar 2026"), day("29 Mar 2026"))
    load = row(found, ANN, world)
    assert (load.contacts, load.minutes, load.travel_minutes) == (2, 110, 55)


@pytest.mark.parametrize(
    ("on", "first", "last"),
    [
        ("29 Mar 2026", "23 Feb 2026", "22 Mar 2026"),
        ("30 Mar 2026", "2 Mar 2026", "29 Mar 2026"),
        ("5 Apr 2026", "2 Mar 2026", "29 Mar 2026"),
        ("26 Oct 2025", "22 Sep 2025", "19 Oct 2025"),
        ("27 Oct 2025", "29 Sep 2025", "26 Oct 2025"),
        ("1 Jan 2026", "1 Dec 2025", "28 Dec 2025"),
    ],
)
def test_a_week_is_full_when_its_sunday_is_over(world: World, on: str, first: str, last: str):
    """The weeks in which the clocks change are weeks like the others; a year does not begin a week."""
    found = look(world, on)
    assert (found.counted_from, found.counted_until) == (day(first), day(last))
    assert (found.counted_until - found.counted_from).days == 27


def test_minutes_are_of_every_attempt_and_contacts_only_of_those_that_took_place(world: World):
    tell(
        world,
        logged(
            ("A", "3 Mar 2026", "attended", 40), ("A", "4 Mar 2026", "attempted", 6), ("A", "5 Mar 2026", "cancelled", 0),
            ("A", "6 Mar 2026", "did-not-attend", 14), ("A", "7 Mar 2026", "attended", 20),
        ),
    )  # fmt: skip
    load = row(look(world, MARCH), ANN, world)
    assert (load.contacts, load.minutes, load.not_attended, load.agreed) == (2, 80, 1, 3)
    assert load.share_not_attended is None, "three are too few for a share"


def test_the_share_of_those_who_did_not_come_is_of_what_was_agreed(world: World):
    came = [("A", f"{n} Mar 2026", "attended", 30) for n in range(2, 6)]
    not_come = [("A", "9 Mar 2026", "did-not-attend", 0)]
    tell(world, logged(*came, *not_come, *((("A", "10 Mar 2026", "attempted", 1),) * 7)))
    assert row(look(world, MARCH), ANN, world).share_not_attended == pytest.approx(0.2)


def test_work_counts_for_whoever_did_it_whoever_holds_the_person(world: World):
    tell(world, logged(("B", "3 Mar 2026", "attended", 40), ("A", "4 Mar 2026", "attended", 20)))
    found = look(world, MARCH)
    assert [(row(found, who, world).contacts, row(found, who, world).minutes) for who in (ANN, BEN)] == [
        (1, 20),
        (1, 40),
    ]
    assert (found.together.contacts, found.together.minutes) == (2, 60)


def test_the_picture_has_26_full_weeks_with_the_same_numbers(world: World):
    tell(
        world,
        Story("2 Mar 2026", ["A 8 Mar 2026 - 15 Mar 2026"], accepted="8 Mar 2026", closed="15 Mar 2026"),
        logged(("A", "1 Mar 2026", "attended", 5), ("B", "2 Mar 2026", "attended", 5), ("A", "8 Mar 2026", "attended", 5),
               ("A", "4 Mar 2026", "attempted", 5), ("A", "30 Mar 2026", "attended", 5)),
    )  # fmt: skip
    found = look(world, MARCH)
    assert len(found.weeks) == 26
    assert (found.weeks[0].monday, found.weeks[-1].monday) == (day("29 Sep 2025"), day("23 Mar 2026"))
    assert all(
        (later.monday - sooner.monday).days == 7 for sooner, later in zip(found.weeks, found.weeks[1:], strict=False)
    )
    told = {week.monday: (week.caseload, week.contacts) for week in found.weeks}
    assert [told[day(on)] for on in ("23 Feb 2026", "2 Mar 2026", "9 Mar 2026", "16 Mar 2026")] == [
        (1, 1), (2, 2), (1, 0), (1, 0),
    ]  # fmt: skip
    assert sum(week.contacts for week in found.weeks[-4:]) == found.together.contacts


@pytest.mark.parametrize("seed", range(2))
def test_each_point_of_the_picture_is_the_table_of_that_sunday(world: World, seed: int):
    draw = random.Random(seed)
    tell(world, *(anything(draw) for _ in range(12)))
    for week in look(world, MARCH).weeks[::5]:
        sunday = week.sunday
        assert look(world, f"{sunday.day} {sunday:%b %Y}").together.open == week.caseload


# ------------------------------------------------------------------------------------------- first contact


def waits(world: World, who: str = ANN, on: str = MARCH) -> tuple[list[int], int]:
    load = row(look(world, on), who, world)
    return sorted(load.waits), load.unmet


def test_days_from_the_referral_to_the_first_contact_that_took_place(world: World):
    tell(
        world,
        Story("2 Mar 2026", ["A 4 Mar 2026"], accepted="4 Mar 2026", contacts=[
            ("A", "5 Mar 2026", "attempted", 1), ("A", "6 Mar 2026", "did-not-attend", 1), ("A", "9 Mar 2026", "attended", 30),
            ("A", "12 Mar 2026", "attended", 30),
        ]),
        Story("2 Mar 2026", ["A 2 Mar 2026"], contacts=[("B", "2 Mar 2026", "attended", 30)]),
        Story("2 Mar 2026", ["A 2 Mar 2026"], contacts=[("A", "24 Mar 2026", "attended", 30)]),
        Story("2 Mar 2026", ["A 2 Mar 2026"], contacts=[("A", "3 Mar 2026", "attempted", 3)]),
    )  # fmt: skip
    assert waits(world) == ([0, 7, 22], 1)
    assert row(look(world, MARCH), ANN, world).median_wait == 7


def test_a_contact_of_a_later_day_is_not_known_on_an_earlier_one(world: World):
    tell(world, Story("2 Mar 2026", ["A 2 Mar 2026"], contacts=[("A", "24 Mar 2026", "attended", 30)]))
    assert waits(world, on="23 Mar 2026") == ([], 1)
    assert waits(world, on="24 Mar 2026") == ([22], 0)


def test_who_held_them_first_is_told_how_long_they_waited(world: World):
    tell(world, Story(
        "2 Mar 2026", ["A 2 Mar 2026 - 9 Mar 2026", "B 9 Mar 2026"], contacts=[("B", "12 Mar 2026", "attended", 30)]
    ))  # fmt: skip
    assert (waits(world), waits(world, BEN)) == (([10], 0), ([], 0))


def test_who_closed_without_being_met_neither_waits_nor_was_met(world: World):
    tell(world, Story("2 Mar 2026", ["A 2 Mar 2026 - 9 Mar 2026"], closed="9 Mar 2026"))
    assert waits(world) == ([], 0)
    assert row(look(world, MARCH), ANN, world).median_wait is None


@pytest.mark.parametrize(("began", "expected"), [("29 Sep 2025", [1]), ("28 Sep 2025", [])])
def test_first_contacts_are_of_people_of_the_last_26_weeks(world: World, began: str, expected: list[int]):
    after = day(began) + timedelta(1)
    tell(world, Story(began, [f"A {began}"], contacts=[("A", f"{after.day} {after:%b %Y}", "attended", 5)]))
    assert waits(world)[0] == expected


# --------------------------------------------------------------------------------------- who learns of it


def test_people_who_withdrew_are_in_no_number_of_any_day(world: World):
    story = logged(("A", "3 Mar 2026", "attended", 40))
    tell(world, story, logged(("A", "3 Mar 2026", "attended", 40)))
    assert (look(world, MARCH).together.open, look(world, MARCH).together.contacts) == (2, 2)
    with db.transaction() as session:
        session.add(
            Consent(person_id=story.person, kind="service", given_on=day("1 Sep 2025"), recorded_by=world.users[JO])
        )
        session.flush()
        person = session.get(Person, story.person)
        people.withdraw(by=world.user(JO), person=person, withdrawn_on=today(), on_withdrawal="keep")
    found = look(world, MARCH)
    assert (found.together.open, found.together.contacts, len(found.together.waits)) == (1, 1, 0)
    assert [week.contacts for week in found.weeks if week.contacts] == [1]


@pytest.mark.parametrize("who", ["link-worker", "outcome-assessor", "evaluator", "administrator", "orchard-worker"])
def test_nobody_but_a_supervisor_learns_of_a_team_even_when_they_name_its_sites(world: World, who: str):
    tell(world, logged(("A", "3 Mar 2026", "attended", 40)))
    post(world, ANN, 0.5, "1 Jan 2026")
    assert team.places(by=world.user(who)) == []
    found = team.team(day(MARCH), team.places(by=world.user(JO)), by=world.user(who))
    assert found.loads == []
    assert (found.together.open, found.together.contacts, found.together.fte) == (0, 0, 0)


def test_a_supervisor_who_names_another_s_site_sees_nothing_of_it(world: World):
    tell(world, logged(("A", "3 Mar 2026", "attended", 40)))
    post(world, ANN, 0.5, "1 Jan 2026")
    mill = team.places(by=world.user(JO))
    assert team.team(day(MARCH), mill, by=world.user("pond-keeper")).loads == []


def test_the_same_site_in_another_study_is_another_place(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]), Story("2 Feb 2026", ["A 2 Feb 2026"], place=("orchard", "mill")))
    assert row(look(world, MARCH), ANN, world).open == 1
    with db.transaction():
        admin = world.user("administrator")
        staff.grant(
            by=admin, user=world.user(JO), role="supervisor", study=world.study("orchard"), site=world.site("mill")
        )
    places = {(site.slug, study.slug) for site, study in team.places(by=world.user(JO))}
    assert places == {("mill", "garden"), ("mill", "orchard")}
    assert row(look(world, MARCH), ANN, world).open == 2


def test_a_supervisor_whose_role_ended_sees_nothing_more(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    with db.transaction():
        (held,) = world.user(JO).memberships
        staff.end_membership(by=world.user("administrator"), membership=held, reason="Moved on")
    assert look(world, MARCH).loads == []


def asked_with(world: World, n_people: int) -> int:
    tell(world, *(
        Story("2 Feb 2026", ["A 2 Feb 2026 - 3 Mar 2026", "B 3 Mar 2026"], contacts=[("A", "4 Mar 2026", "attended", 30)])
        for _ in range(n_people)
    ))  # fmt: skip
    db.session.rollback()
    asker = world.user(JO)
    with statements() as asked:
        team.team(day(MARCH), team.places(by=asker), by=asker)
    return len(asked)


def test_forty_people_ask_the_database_no_more_often_than_five(world: World):
    few = asked_with(world, 5)
    assert asked_with(world, 35) == few
    assert few <= 16
