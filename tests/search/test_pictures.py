"""The pictures of a search: the front holds what nothing beats, and every candidate and factor is drawn."""

from hypothesis import given
from hypothesis import strategies as st

from helpers.figures.style import GREEN, GREY, RED
from helpers.search.pictures import Tried, Worth, front, pareto, worth

tried = st.builds(
    Tried, st.just("one"), st.integers(1, 6), st.integers(0, 6).map(float), st.just(0.1), st.booleans()
)


@given(st.lists(tried, max_size=12))
def test_nothing_beats_a_member_of_the_front_and_something_beats_the_others(found):
    best = front(found)
    for one in found:
        beaten = any(
            other.parameters <= one.parameters
            and other.accuracy >= one.accuracy
            and (other.parameters, other.accuracy) != (one.parameters, one.accuracy)
            for other in found
        )
        same = any((other.parameters, other.accuracy) == (one.parameters, one.accuracy) for other in best)
        assert same != beaten


def test_every_candidate_is_drawn_and_the_front_is_labelled():
    small, large = Tried("small", 3_000, 99.2, 0.03, True), Tried("large", 8_000, 99.5, 0.03, True)
    worse, dropped = Tried("worse", 9_000, 99.1, 0.03, True), Tried("dropped", 2_000, 99.6, 0.1, False)
    axes = pareto({"sizes": [small, large, worse], "more": [dropped]}).axes[0]
    assert {text.get_text() for text in axes.texts} == {"small", "large"}
    axes.figure.canvas.draw()
    labels = {label.get_text() for label in axes.get_xticklabels()}
    assert {"2,000", "3,000", "9,000"} <= labels, "the sizes can be read off"
    drawn = {tuple(point) for bars in axes.containers for point in bars.lines[0].get_xydata()}
    assert drawn == {(one.parameters, one.accuracy) for one in (small, large, worse, dropped)}


def test_only_what_is_shown_is_coloured():
    axes = worth(
        [
            Worth("no padding", -0.2, -0.3, -0.1, True),
            Worth("noise", 0.01, -0.1, 0.1, False),
            Worth("gain", 0.1, 0.05, 0.15, True),
        ],
        "what matters",
    ).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no padding", "noise", "gain"]
    assert [line.get_color() for line in axes.lines if line.get_marker() in ("o", "s")] == [RED, GREY, GREEN]
