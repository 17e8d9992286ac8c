"""What several searches together say of their candidates: who leads, who was chosen, what fresh trials say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making.studies import standing, study

from helpers.search.finalists import Finalist, finalists, front, fullest, leader, standing_of

tried = st.builds(standing, st.integers(1, 6), st.lists(st.integers(0, 6).map(float), min_size=1, max_size=1))


@given(st.lists(tried, max_size=12))
def test_nothing_beats_a_member_of_the_front_and_something_beats_the_others(found):
    """Catches a front that looks at one axis only, or that keeps equals."""
    best = [(member.candidate.parameters, member.mean) for member in front(found)]
    for candidate in found:
        place = (candidate.candidate.parameters, candidate.mean)
        beaten = any(
            other.candidate.parameters <= place[0]
            and other.mean >= place[1]
            and (other.candidate.parameters, other.mean) != place
            for other in found
        )
        assert (place in best) != beaten


def test_a_candidate_of_two_studies_counts_where_it_had_most_trials():
    """Catches a candidate that is drawn twice, and one that is drawn with the fewer trials."""
    few, many = standing(10, [90.0, 91.0], layers="a"), standing(10, [90.0, 91.0, 92.0], layers="a")
    other = standing(20, [95.0, 96.0], layers="b")
    assert fullest({"first": [few, other], "second": [many]}) == {"first": [other], "second": [many]}


def test_finalists_are_told_by_the_trials_that_chose_them_and_by_the_fresh_ones():
    """Catches fresh trials that hold those of the choice, and a finalist that is listed for each study."""
    asked = study(trials=[2, 4], keep=[1], first_seed=1)
    best, dropped = standing(10, [90.0, 92.0, 80.0, 82.0], layers="a"), standing(10, [85.0, 85.0], layers="b")
    found = finalists({"one": asked, "two": asked}, {"one": [best, dropped], "two": [best]})
    assert found == [Finalist("one: layers a", 91.0, 81.0)]
    assert finalists({"short": study(trials=[2])}, {"short": [best]}) == []
    assert finalists({"begun": asked}, {"begun": [dropped]}) == [], "no fresh trial yet"


def test_the_leader_is_told_by_the_first_trials_and_equals_by_their_size():
    """Catches a leader by all trials, which is another one, and a smaller one of equals."""
    small, large = standing(10, [91.0, 91.0], layers="a"), standing(20, [91.0, 90.0], layers="b")
    late = standing(30, [90.0, 99.0], layers="c")
    assert leader([large, small, late], 1) is large and leader([large, small, late], 2) is late


def test_a_candidate_is_found_by_all_of_its_settings():
    """Catches a candidate that is taken for another with some settings more."""
    plain, wide = standing(10, [90.0], layers="a"), standing(10, [91.0], layers="a", crops=5)
    assert standing_of([wide, plain], layers="a") is plain
    with pytest.raises(LookupError, match="'layers': 'c'"):
        standing_of([wide, plain], layers="c")
