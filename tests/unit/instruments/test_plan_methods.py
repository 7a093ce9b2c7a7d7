"""What a plan says of each outcome: the event, the method that answers, those beside it, and what its hash makes of it."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from itertools import combinations

import pytest

from instruments import plan
from instruments.plan import Event, Outcome, PlanError
from instruments.plan_methods import ALWAYS_BESIDE, EXPLORATORY, FROM_BASELINE, METHODS, SERIES
from tests.unit.analysis import study

TOP = """
study = { id = "s", title = "A study", design = "controlled-before-after" }
arms.a = { role = "intervention" }
arms.b = { role = "comparison" }
timepoints = [{ id = "baseline", day = 0 }, { id = "12m", day = 365 }]
"""
SCORE, BINARY, COUNT = 'instrument = "phq9"', 'instrument = "phq9", kind = "binary"', 'setting = "gp"'
TIME = f'{COUNT}, kind = "time-to-event", until_day = 365'
OF_KIND = {"continuous": SCORE, "binary": f"{BINARY}, at_least = 10", "count": COUNT, "time-to-event": TIME}
EVERY_KIND = pytest.mark.parametrize("kind", METHODS)


def written(outcome: str, top: str = TOP) -> str:
    """A whole plan with this one outcome."""
    return f'{top}outcomes = [{{ id = "o", primary = true, {outcome} }}]\n'


def outcome_of(outcome: str) -> Outcome:
    return plan.parse(written(outcome)).primary


def hash_of(outcome: str, top: str = TOP) -> str:
    return plan.parse(written(outcome, top)).sha256


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(PlanError) as refusal:
        plan.parse(text)
    assert str(refusal.value).splitlines() == list(refusal.value.faults)
    return refusal.value.faults


# ---------------------------------------------------------------------------- methods


@EVERY_KIND
def test_an_outcome_of_each_kind_has_the_first_method_to_answer_and_the_usual_check_beside_it(kind: str):
    found = outcome_of(OF_KIND[kind])
    assert (found.kind, found.estimator, found.beside) == (kind, METHODS[kind][0], ALWAYS_BESIDE[kind])
    assert found.methods == (METHODS[kind][0], *ALWAYS_BESIDE[kind])


@EVERY_KIND
def test_any_method_of_a_kind_may_answer_and_the_usual_two_are_never_lost(kind: str):
    usual = {METHODS[kind][0], *ALWAYS_BESIDE[kind]}
    for method in set(METHODS[kind]) - set(EXPLORATORY):
        found = outcome_of(f'{OF_KIND[kind]}, estimator = "{method}"')
        assert found.methods[0] == method
        assert set(found.methods) == usual | {method}


@pytest.mark.parametrize("method", EXPLORATORY)
def test_what_only_explores_never_answers_and_stands_beside_where_it_is_asked_for(method: str):
    (fault,) = refused(written(f'{SCORE}, estimator = "{method}"'))
    assert fault == (
        f"plan.outcomes[0].estimator: '{method}' is exploratory and never the answer; name it in beside, and another "
        "method here"
    )
    asked = outcome_of(f'{SCORE}, beside = ["{method}"]')
    assert asked.methods == ("ancova", "did", method)
    assert method not in outcome_of(SCORE).methods
    assert hash_of(f'{SCORE}, beside = ["{method}"]') != hash_of(SCORE)


def test_what_explores_and_is_asked_to_answer_keeps_no_other_fault_hidden():
    faults = refused(written(f'{SCORE}, estimator = "{EXPLORATORY[0]}", timepoint = "3m", colour = 1'))
    assert len(faults) == 3


@EVERY_KIND
def test_no_method_of_another_kind_may_answer_or_stand_beside(kind: str):
    for other in set(METHODS) - {kind}:
        for method in METHODS[other]:
            if method in EXPLORATORY:
                continue
            (one,) = refused(written(f'{OF_KIND[kind]}, estimator = "{method}"'))
            (two,) = refused(written(f'{OF_KIND[kind]}, beside = ["{method}"]'))
            allowed = ", ".join((*METHODS[kind], *(SERIES if kind == "count" else ())))
            answering = ", ".join(each for each in allowed.split(", ") if each not in EXPLORATORY)
            assert one == f"plan.outcomes[0].estimator: unexpected value '{method}'; allowed: {answering}"
            assert two == f"plan.outcomes[0].beside: unexpected value '{method}'; allowed: {allowed}"


@pytest.mark.parametrize(
    ("named", "methods"),
    [
        ('beside = ["mmrm", "permutation"]', ("ancova", "did", "mmrm", "permutation")),
        ('beside = ["permutation", "mmrm"]', ("ancova", "did", "permutation", "mmrm")),
        ('beside = ["mmrm", "mmrm"]', ("ancova", "did", "mmrm")),
        ('beside = ["did", "ancova", "mmrm"]', ("ancova", "did", "mmrm")),
        ('estimator = "mmrm", beside = ["mmrm", "did"]', ("mmrm", "ancova", "did")),
        ('estimator = "did", beside = ["did"]', ("did", "ancova")),
        ("beside = []", ("ancova", "did")),
    ],
)
def test_methods_stand_once_each_in_the_order_named_after_the_usual_ones(named: str, methods: tuple[str, ...]):
    assert outcome_of(f"{SCORE}, {named}").methods == methods


def test_an_outcome_made_by_hand_names_its_own_method_once():
    made = Outcome("o", "O", "continuous", True, (), estimator="did", beside=("mmrm", "did", "ancova"))
    assert made.methods == ("did", "mmrm", "ancova")
    with pytest.raises(FrozenInstanceError):
        made.estimator = "ancova"  # type: ignore[misc]


# ---------------------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("limit", "event"),
    [
        ("at_least = 10", Event(at_least=10)),
        ("at_most = 4", Event(at_most=4)),
        ("at_least = 0", Event(at_least=0)),
        ("at_most = -0.25", Event(at_most=-0.25)),
    ],
)
def test_an_event_is_the_limit_that_was_written_and_no_other(limit: str, event: Event):
    assert outcome_of(f"{BINARY}, {limit}").event == event


@pytest.mark.parametrize("kind", ["continuous", "count"])
def test_what_is_no_event_has_no_limit(kind: str):
    assert outcome_of(OF_KIND[kind]).event is None


# ---------------------------------------------------------------------------- matching

MATCHED = f'{SCORE}, beside = ["matching"]'
DIFFERENCED = f'{SCORE}, beside = ["matched-did"]'
TWO_FACTS = TOP + 'covariates = { age = "number", sex = "category" }\n'


def matched_on(outcome: str, *facts: str, more: str = "") -> str:
    return written(f"{outcome}, match_on = {list(facts)}{more}".replace("'", '"'), TWO_FACTS)


@pytest.mark.parametrize("facts", [("age",), ("baseline", "sex"), ("baseline", "age", "sex")])
def test_people_may_be_matched_on_the_baseline_and_covariates_of_the_outcome(facts: tuple[str, ...]):
    assert plan.parse(matched_on(MATCHED, *facts)).primary.match_on == facts
    assert plan.parse(written(MATCHED, TWO_FACTS)).primary.match_on == ()


def test_changes_may_be_compared_among_people_matched_on_covariates():
    found = plan.parse(matched_on(DIFFERENCED, "age", "sex")).primary
    assert (found.match_on, found.difference_anyway) == (("age", "sex"), False)


def test_matching_on_the_baseline_and_then_differencing_is_refused_with_the_reason_and_ways_out():
    (fault,) = refused(matched_on(DIFFERENCED, "baseline", "age"))
    assert fault == (
        "plan.outcomes[0].match_on: matching on the baseline and then comparing changes misleads: people picked for a "
        "baseline unlike the rest of their arm drift back to it by themselves, and that drift looks like an effect; "
        "take 'baseline' out, use 'matching', or write difference_anyway = true"
    )


def test_it_is_refused_where_it_would_answer_too():
    (fault,) = refused(matched_on(f'{SCORE}, estimator = "matched-did"', "baseline"))
    assert fault.startswith("plan.outcomes[0].match_on: matching on the baseline and then comparing changes misleads")


def test_it_is_done_where_the_plan_says_so_in_so_many_words():
    found = plan.parse(matched_on(DIFFERENCED, "baseline", "age", more=", difference_anyway = true")).primary
    assert (found.match_on, found.difference_anyway) == (("baseline", "age"), True)


@pytest.mark.parametrize(
    ("outcome", "facts", "more"),
    [(MATCHED, ("baseline",), ", difference_anyway = true"), (DIFFERENCED, ("age",), ", difference_anyway = true")],
)
def test_an_override_of_nothing_is_refused(outcome: str, facts: tuple[str, ...], more: str):
    (fault,) = refused(matched_on(outcome, *facts, more=more))
    assert fault == (
        "plan.outcomes[0].difference_anyway: belongs to matched-did with 'baseline' in match_on; take it out"
    )


def test_facts_that_nobody_declared_are_refused_with_those_that_are():
    (fault,) = refused(matched_on(MATCHED, "age", "height"))
    assert fault == "plan.outcomes[0].match_on: unexpected value 'height'; allowed: baseline, age, sex"


@pytest.mark.parametrize("outcome", [SCORE, COUNT, f"{BINARY}, at_least = 10"])
def test_facts_to_match_on_where_nothing_is_matched_are_refused(outcome: str):
    (fault,) = refused(matched_on(outcome, "age"))
    assert fault == "plan.outcomes[0].match_on: belongs to matching or matched-did; name one of them or take it out"


def test_what_people_are_matched_on_has_its_part_in_the_hash_only_where_it_is_named():
    texts = [
        matched_on(MATCHED, "age"), matched_on(MATCHED, "sex"), written(MATCHED, TWO_FACTS),
        matched_on(DIFFERENCED, "baseline", more=", difference_anyway = true"), written(SCORE, TWO_FACTS),
    ]  # fmt: skip
    assert len({plan.parse(text).sha256 for text in texts}) == len(texts)


# ---------------------------------------------------------------------------- hashes

SAME = {
    "a whole limit with a decimal": (f"{BINARY}, at_least = 10", f"{BINARY}, at_least = 10.0"),
    "a limit of nought below nought": (f"{BINARY}, at_most = 0", f"{BINARY}, at_most = -0.0"),
    "the usual method named": (SCORE, f'{SCORE}, estimator = "ancova"'),
    "the usual check named": (SCORE, f'{SCORE}, beside = ["did"]'),
    "the method that answers beside itself": (SCORE, f'{SCORE}, beside = ["ancova", "did"]'),
    "a kind that is plain": (SCORE, f'{SCORE}, kind = "continuous"'),
    "a count said to be one": (COUNT, f'{COUNT}, kind = "count"'),
    "the check of a count named": (COUNT, f'{COUNT}, beside = ["poisson-change"]'),
    "the method of an event named": (
        f"{BINARY}, at_least = 10",
        f'{BINARY}, at_least = 10, estimator = "logistic", beside = ["modified-poisson"]',
    ),
    "a method named twice": (f'{SCORE}, beside = ["mmrm"]', f'{SCORE}, beside = ["mmrm", "did", "mmrm"]'),
    "the usual one beside another": (f'{SCORE}, estimator = "did"', f'{SCORE}, estimator = "did", beside = ["ancova"]'),
    "the last timepoint named": (SCORE, f'{SCORE}, timepoint = "12m"'),
    "the whole score named": (SCORE, f'{SCORE}, scale = "total"'),
    "the label that is the id": (SCORE, f'{SCORE}, label = "o"'),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_means_the_same_has_the_same_hash(one: str, other: str):
    assert hash_of(one) == hash_of(other)


DIFFERENT = (
    SCORE, COUNT, f"{BINARY}, at_least = 10", f"{BINARY}, at_least = 11", f"{BINARY}, at_least = 10.5",
    f"{BINARY}, at_most = 10", f'{BINARY}, at_least = 10, estimator = "modified-poisson"',
    f'{BINARY}, at_least = 10, beside = ["gee-logistic"]', f'{SCORE}, estimator = "did"',
    f'{SCORE}, estimator = "mmrm"', f'{SCORE}, beside = ["mmrm"]', f'{SCORE}, beside = ["mmrm", "clda"]',
    f'{SCORE}, beside = ["clda", "mmrm"]', f'{COUNT}, estimator = "poisson-change"',
    f'{COUNT}, beside = ["gee-poisson"]', f'{SCORE}, scale = "other"', f'{SCORE}, value_set = "x"',
    'setting = "nurse"', 'instrument = "gad7"', f'{SCORE}, label = "Mood"',
)  # fmt: skip


def test_what_means_something_else_has_another_hash():
    hashes = {outcome: hash_of(outcome) for outcome in DIFFERENT}
    alike = [pair for pair in combinations(DIFFERENT, 2) if hashes[pair[0]] == hashes[pair[1]]]
    assert alike == []


@pytest.mark.parametrize("low", ["0", "0.0"])
def test_the_range_of_a_measure_is_the_same_with_and_without_a_decimal(low: str):
    declared = 'measures = [{{ id = "bdi", minimum = {}, maximum = {}, better = "lower" }}]\n'
    whole = hash_of(SCORE, TOP + declared.format("0", "63"))
    assert hash_of(SCORE, TOP + declared.format(low, "63.0")) == whole
    assert hash_of(SCORE, TOP + declared.format(low, "63.5")) != whole


@pytest.mark.parametrize(
    ("text", "sha256"),
    [
        (written(SCORE), "0d1234bdb9f3a58330585d36aff576e469170883849e2d3f22ca7ec84ab09718"),
        (written(COUNT), "94942fdd541b892c36bc36d655c2cf80b3015c1f6cb8eadae6de8283652afc63"),
        (study.PLAN, "b2d5fc39640cf4ccd98cf5e61c1ed8987b21a1893bb6c47d02d96a00be0c559d"),
        (written(f"{BINARY}, at_least = 10"), "d5e191ca0368f4adcf2d5e06ba4dcd5724f6dcd5d8023c40356f9b172f23ebe4"),
        (
            written(f'{SCORE}, estimator = "did", beside = ["mmrm"]'),
            "f41bbb5882881171cf5a6edbc22591d57ab1938a9b4829c8a0ace6e2074def43",
        ),
    ],
    ids=["score", "count", "the invented study", "event", "methods"],
)
def test_a_hash_that_stands_in_somebody_s_bundle_stays_what_it_was(text: str, sha256: str):
    """The first three were registered before a plan could name methods; a new key must not change them."""
    assert plan.parse(text).sha256 == sha256


# ---------------------------------------------------------------------------- refusals

METHODS_OF_SCORES = ", ".join(method for method in METHODS["continuous"] if method not in EXPLORATORY)
BESIDE_A_SETTING = "means nothing beside a setting; take one of them out"
REFUSED = {
    "an event without a limit": (
        BINARY,
        "at_least: is missing; say which score is the event: at_least or at_most, one of them",
    ),
    "an event with both limits": (
        f"{BINARY}, at_least = 4, at_most = 9",
        "at_least: is missing; say which score is the event: at_least or at_most, one of them",
    ),
    "a limit in words": (f'{BINARY}, at_least = "ten"', "at_least: is missing or not a number; give it a number"),
    "a limit that is a yes": (f"{BINARY}, at_most = true", "at_most: is missing or not a number; give it a number"),
    "a limit without end": (f"{BINARY}, at_least = inf", "at_least: is missing or not a number; give it a number"),
    "a limit that is no number": (f"{BINARY}, at_most = nan", "at_most: is missing or not a number; give it a number"),
    "a limit of a score": (
        f"{SCORE}, at_most = 4",
        'at_most: belongs to a binary outcome; write kind = "binary" or take it out',
    ),
    "a limit of a count": (f"{COUNT}, at_least = 3", f"at_least: {BESIDE_A_SETTING}"),
    "an upper limit of a count": (f"{COUNT}, at_most = 3", f"at_most: {BESIDE_A_SETTING}"),
    "a count of an instrument": (f"{COUNT}, {SCORE}", f"instrument: {BESIDE_A_SETTING}"),
    "a count on a scale": (f'{COUNT}, scale = "total"', f"scale: {BESIDE_A_SETTING}"),
    "a count with a value set": (f'{COUNT}, value_set = "x"', f"value_set: {BESIDE_A_SETTING}"),
    "a count at a timepoint": (f'{COUNT}, timepoint = "12m"', f"timepoint: {BESIDE_A_SETTING}"),
    "a kind that is none": (f'{SCORE}, kind = "ordinal"', "kind: unexpected value 'ordinal'; allowed: continuous, binary"),
    "a kind in a list": (f'{SCORE}, kind = ["binary"]', "kind: unexpected value '['binary']'; allowed: continuous, binary"),
    "a score said to be a count": (f'{SCORE}, kind = "count"', "kind: unexpected value 'count'; allowed: continuous, binary"),
    "a count said to be a score": (f'{COUNT}, kind = "continuous"', "kind: unexpected value 'continuous'; allowed: count, time-to-event"),
    "a time without its end": (f'{COUNT}, kind = "time-to-event"', "until_day: is missing; say for how many days from entry people count, such as 365"),
    "a time that ends at entry": (f'{COUNT}, kind = "time-to-event", until_day = 0', "until_day: unexpected value '0'; write a whole number from 1 to 36525"),
    "a time that ends within a day": (f'{COUNT}, kind = "time-to-event", until_day = 9.5', "until_day: unexpected value '9.5'; write a whole number from 1 to 36525"),
    "a time that leaves days out": (f"{TIME}, leave_out = [0, 7]", "leave_out: belongs to a count; a time to the first begins at entry, take it out"),
    "a time to a score": (f'{TIME}, instrument = "phq9"', f"instrument: {BESIDE_A_SETTING}"),
    "a time to an event on a score": (f"{TIME}, at_least = 10", f"at_least: {BESIDE_A_SETTING}"),
    "the end of a count": (f"{COUNT}, until_day = 365", 'until_day: belongs to a time to the first; write kind = "time-to-event" or take it out'),
    "a method that is a number": (f"{SCORE}, estimator = 3", f"estimator: unexpected value '3'; allowed: {METHODS_OF_SCORES}"),
    "a method that is empty": (f'{SCORE}, estimator = ""', f"estimator: unexpected value ''; allowed: {METHODS_OF_SCORES}"),
    "methods in capitals": (f'{SCORE}, estimator = "DID"', f"estimator: unexpected value 'DID'; allowed: {METHODS_OF_SCORES}"),
    "others without a list": (f'{SCORE}, beside = "mmrm"', "beside: unexpected value 'mmrm'; write a list of texts"),
    "others that are numbers": (f"{SCORE}, beside = [1]", "beside: unexpected value '[1]'; write a list of texts"),
    "the baseline as the outcome": (f'{SCORE}, timepoint = "baseline"', "timepoint: unexpected value 'baseline'; allowed: 12m"),
    "an empty scale": (f'{SCORE}, scale = " "', "scale: is missing; give it a text"),
    "neither instrument nor setting": ('scale = "total"', "instrument: is missing; give it a text"),
}  # fmt: skip


@pytest.mark.parametrize(("outcome", "said"), REFUSED.values(), ids=REFUSED)
def test_an_outcome_that_cannot_be_is_refused_by_one_fault_with_its_remedy(outcome: str, said: str):
    assert refused(written(outcome)) == (f"plan.outcomes[0].{said}",)


def test_every_limit_that_a_score_cannot_have_is_named():
    faults = refused(written(f"{SCORE}, at_least = 1, at_most = 2"))
    assert [fault.partition(":")[0] for fault in faults] == ["plan.outcomes[0].at_least", "plan.outcomes[0].at_most"]


def test_every_method_that_is_not_known_is_named_and_so_is_its_outcome():
    second = '{ id = "p", setting = "gp", beside = ["x", "poisson-rate", "y"] }'
    faults = refused(written(SCORE).removesuffix("]\n") + f", {second}]\n")
    assert [fault.partition(";")[0] for fault in faults] == [
        "plan.outcomes[1].beside: unexpected value 'x'",
        "plan.outcomes[1].beside: unexpected value 'y'",
    ]


def test_a_plan_without_a_follow_up_says_that_and_not_that_no_timepoint_would_do():
    alone = TOP.replace(', { id = "12m", day = 365 }', "")
    assert refused(written(SCORE, alone)) == ("plan.timepoints: needs a baseline and at least one follow-up",)


REMEDY = re.compile(r"; (allowed: \S|known: \S|write |give |say |use |add |correct |make |take )|needs ")
BROKEN = (
    "", "study = 3", 'study = { id = "A b", title = 3, design = "x", colour = 1, enrolled_from = "soon" }',
    "arms = 3", 'arms.a = 3\narms.b = { role = "x" }', "timepoints = 3",
    'timepoints = [3, { id = "A", day = "x", window = 3 }, { id = "A", day = 1.5, colour = 2 }]',
    "covariates = 3", 'covariates = { age = "x", sex = 3 }', "outcomes = [3, {}]",
    'outcomes = [{ id = 3, kind = "x", beside = 3, primary = 3, covariates = ["shoe"], estimator = [] }]',
    'outcomes = [{ setting = "moon", kind = "x", at_least = 3, label = "" }]',
    'measures = [{ minimum = 3, maximum = 1, better = "x" }]', "capture = { instruments = 3, x = 1 }",
    'analysis = { errors = "x", confidence = 2, small_number = 0.5, seed = -1 }', "wishes = 3",
)  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_every_fault_names_the_place_the_fault_and_the_remedy(text: str):
    for fault in refused(text):
        place, _, said = fault.partition(": ")
        assert re.fullmatch(r"plan\.[\w.\[\]-]+", place), fault
        assert REMEDY.search(said), fault


# ---------------------------------------------------------------------------- outcomes without a baseline


def test_an_outcome_has_a_baseline_unless_the_plan_says_that_it_has_none() -> None:
    assert outcome_of(SCORE).baseline
    assert outcome_of(f"{SCORE}, baseline = true").baseline
    assert not outcome_of(f"{SCORE}, baseline = false").baseline


@pytest.mark.parametrize(
    ("outcome", "methods"),
    [
        (SCORE, ("ancova",)),
        (f"{SCORE}, beside = ['matching']", ("ancova", "matching")),
        (f"{SCORE}, estimator = 'permutation'", ("permutation", "ancova")),
        (f"{BINARY}, at_least = 10", ("logistic", "modified-poisson")),
        (COUNT, ("poisson-rate",)),
        (f"{COUNT}, beside = ['negative-binomial']", ("poisson-rate", "negative-binomial")),
    ],
)
def test_without_a_baseline_no_change_stands_beside_an_answer(outcome: str, methods: tuple[str, ...]) -> None:
    assert outcome_of(f"{outcome}, baseline = false").methods == methods


@pytest.mark.parametrize(("kind", "method"), [(kind, each) for kind in METHODS for each in METHODS[kind]])
@pytest.mark.parametrize("place", ["estimator", "beside"])
def test_a_method_that_needs_a_baseline_cannot_be_named_without_one(kind: str, method: str, place: str) -> None:
    if method in EXPLORATORY:
        place = "beside"
    text = written(
        f"{OF_KIND[kind]}, baseline = false, {place} = " + (f"'{method}'" if place == "estimator" else f"['{method}']")
    )
    if kind == "time-to-event":
        assert refused(text)[0].startswith("plan.outcomes[0].baseline: belongs to a score, an event on it or a count")
    elif method in FROM_BASELINE:
        what = f"'{method}' needs a baseline, and the outcome has none; take one of them out"
        assert refused(text) == (f"plan.outcomes[0].baseline: {what}",)
    else:
        assert method in plan.parse(text).primary.methods


@pytest.mark.parametrize("method", SERIES)
def test_series_of_sites_have_no_baseline_to_leave_out(method: str) -> None:
    faults = refused(written(f"{COUNT}, baseline = false, estimator = '{method}'"))
    assert faults[0].endswith("belongs to a score, an event on it or a count of each person; take it out")


def test_people_cannot_be_matched_on_a_baseline_that_there_is_not() -> None:
    faults = refused(written(f"{SCORE}, baseline = false, beside = ['matching'], match_on = ['baseline']"))
    assert faults == ("plan.outcomes[0].match_on: unexpected value 'baseline'; allowed: ",)


@pytest.mark.parametrize("value", ["0", "'no'", "[]"])
def test_whether_there_is_a_baseline_is_true_or_false(value: str) -> None:
    (fault,) = refused(written(f"{SCORE}, baseline = {value}"))
    assert fault.startswith("plan.outcomes[0].baseline: unexpected value '")
    assert fault.endswith("'; write true or false")


@EVERY_KIND
def test_a_plan_that_says_the_usual_of_its_baseline_has_the_hash_it_had(kind: str) -> None:
    assert hash_of(f"{OF_KIND[kind]}, baseline = true") == hash_of(OF_KIND[kind])


@pytest.mark.parametrize("outcome", [SCORE, f"{BINARY}, at_least = 10", COUNT])
def test_leaving_the_baseline_out_is_another_plan(outcome: str) -> None:
    assert hash_of(f"{outcome}, baseline = false") != hash_of(outcome)
