"""What holds for every form that anyone could fill in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments import get, library, value_sets
from instruments.definition import Instrument, Scale
from instruments.scoring import REASONS, score

Responses = dict[str, int | None]


@st.composite
def forms(draw: st.DrawFn, instrument: Instrument, *, full: bool = False) -> Responses:
    """Forms of one instrument; unless full, any item may be left unanswered or out."""
    form: Responses = {}
    for item in draw(st.permutations(instrument.items)):
        answers = st.sampled_from(sorted(item.codes))
        form[item.id] = draw(answers if full else st.none() | answers)
    return form


def any_instrument_with_form(*, full: bool = False) -> st.SearchStrategy[tuple[Instrument, Responses]]:
    return st.sampled_from(library()).flatmap(
        lambda instrument: st.tuples(st.just(instrument), forms(instrument, full=full))
    )


def may_be_scored(instrument: Instrument, scale: Scale, form: Responses) -> bool:
    """Whether the missing rule, read off the definition in words, lets this form be scored."""
    if sum(answer is not None for answer in form.values()) < scale.missing.min_of_form:
        return False
    return sum(counts(instrument, scale, id, form) for id in scale.items) >= scale.missing.min_answered


def counts(instrument: Instrument, scale: Scale, id: str, form: Responses) -> bool:
    """Whether an item counts as answered: not "does not apply"; not asked is as good as answered."""
    condition = instrument.item(id).asked_if
    if condition and (earlier := form.get(condition.item)) is not None and earlier < condition.at_least:
        return True
    answer = form.get(id)
    return answer is not None and answer not in scale.missing.codes


@given(any_instrument_with_form())
def test_a_score_lies_within_its_range_or_has_a_reason(given_form: tuple[Instrument, Responses]) -> None:
    instrument, form = given_form
    for id, scored in score(instrument, form).items():
        scale = instrument.scale(id)
        if scored.value is None:
            assert scored.reason in REASONS
            assert scored.band is None
        else:
            assert scored.reason is None
            assert scale.minimum <= scored.value <= scale.maximum


@given(any_instrument_with_form())
def test_every_scale_is_scored_exactly_when_its_rule_says(given_form: tuple[Instrument, Responses]) -> None:
    instrument, form = given_form
    for id, scored in score(instrument, form).items():
        enough = may_be_scored(instrument, instrument.scale(id), form)
        assert (scored.reason == "too-few-answers") == (not enough)
        assert scored.value is not None or not enough or scored.reason == "not-plausible"


@given(any_instrument_with_form())
def test_every_score_on_a_banded_scale_is_in_one_band(given_form: tuple[Instrument, Responses]) -> None:
    instrument, form = given_form
    for id, scored in score(instrument, form).items():
        holding = [
            band.id
            for band in instrument.scale(id).bands
            if scored.value is not None and band.low <= scored.value <= band.high
        ]
        assert holding == ([] if scored.band is None else [scored.band])


@given(any_instrument_with_form())
def test_the_order_of_answers_does_not_matter(given_form: tuple[Instrument, Responses]) -> None:
    instrument, form = given_form
    backwards = dict(reversed(form.items()))
    assert score(instrument, backwards) == score(instrument, form)


@given(any_instrument_with_form())
def test_an_unanswered_item_is_the_same_as_one_left_out(given_form: tuple[Instrument, Responses]) -> None:
    instrument, form = given_form
    without = {id: answer for id, answer in form.items() if answer is not None}
    assert score(instrument, without) == score(instrument, form)


@given(any_instrument_with_form(full=True), st.data())
def test_a_missing_item_touches_only_the_scales_that_use_it(
    given_form: tuple[Instrument, Responses], data: st.DataObject
) -> None:
    instrument, form = given_form
    left_out = data.draw(st.sampled_from(instrument.items)).id
    before, after = score(instrument, form), score(instrument, {**form, left_out: None})
    for scale in instrument.scales:
        enough = may_be_scored(instrument, scale, {**form, left_out: None})
        assert (after[scale.id].reason == "too-few-answers") == (not enough)
        if left_out not in scale.items and enough:
            assert after[scale.id] == before[scale.id]


# A sum, a mean or a single answer: more of what an item counts as is never less of the score.
ORDERED = [
    (instrument, scale)
    for instrument in library()
    for scale in instrument.scales
    if scale.method in ("sum", "mean", "item")
]


@given(st.sampled_from(ORDERED), st.data())
def test_a_higher_answer_moves_every_score_one_way(which: tuple[Instrument, Scale], data: st.DataObject) -> None:
    instrument, scale = which
    form = data.draw(forms(instrument, full=True))
    item = instrument.item(data.draw(st.sampled_from(scale.items)))
    counted = {code: count for code, count in scale.translation(item).items() if count is not None}
    low, high = sorted(data.draw(st.lists(st.sampled_from(sorted(counted)), min_size=2, max_size=2)), key=counted.get)
    lower, higher = (score(instrument, {**form, item.id: code})[scale.id].value for code in (low, high))
    if lower is None or higher is None:
        assert scale.missing.codes
        return
    backwards = scale.linear is not None and scale.linear.multiply < 0
    assert (higher <= lower) if backwards else (higher >= lower)


@given(any_instrument_with_form())
def test_scoring_leaves_the_answers_as_they_were(given_form: tuple[Instrument, Responses]) -> None:
    instrument, form = given_form
    kept = dict(form)
    score(instrument, form)
    assert form == kept


@given(forms(get("phq9"), full=True), st.integers(1, 9))
def test_one_step_more_on_any_item_is_one_point_more_on_the_phq9(form: Responses, n: int) -> None:
    answer = form[f"i{n}"]
    if answer is None or answer == 3:
        return
    before = score(get("phq9"), form)["total"].value
    after = score(get("phq9"), {**form, f"i{n}": answer + 1})["total"].value
    assert before is not None
    assert after == before + 1


@given(forms(get("phq9"), full=True))
def test_the_phq9_total_is_what_one_would_count_on_paper(form: Responses) -> None:
    on_paper = sum(answer for answer in form.values() if answer is not None)
    assert score(get("phq9"), form)["total"].value == on_paper


@pytest.mark.parametrize(
    "value_set", [id for id in value_sets.known("eq5d-5l") if not value_sets.load(id).needs_person]
)
@given(form=forms(get("eq5d-5l"), full=True), dimension=st.sampled_from(["mo", "sc", "ua", "pd", "ad"]))
def test_a_worse_level_never_raises_the_value(value_set: str, form: Responses, dimension: str) -> None:
    level = form[dimension]
    assert level is not None
    here = score(get("eq5d-5l"), form, value_set=value_set)["value"].value
    worse = score(get("eq5d-5l"), {**form, dimension: min(level + 1, 5)}, value_set=value_set)["value"].value
    assert here is not None
    assert worse is not None
    assert worse <= here


@given(forms(get("phq9")))
def test_the_safety_alert_depends_on_one_answer_alone(form: Responses) -> None:
    raised = bool(get("phq9").alerts_for(form))
    assert raised == bool(form["i9"])
