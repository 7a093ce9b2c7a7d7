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


def answered(scale: Scale, form: Responses) -> list[int]:
    return [answer for id in scale.items if (answer := form.get(id)) is not None]


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
        scale = instrument.scale(id)
        enough = len(answered(scale, form)) >= scale.missing.min_answered
        assert (scored.value is not None) == enough


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
        if left_out in scale.items:
            assert after[scale.id].reason == "too-few-answers"
        else:
            assert after[scale.id] == before[scale.id]


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
