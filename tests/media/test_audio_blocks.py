"""`pipeline.media.audio_blocks`: what is read in blocks is what is read as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio.spectral import REACH, context, with_derivatives
from pipeline.core.errors import ClipError
from pipeline.media.audio_blocks import KEPT_BLOCKS, Audio, over_seams, overlapping

LENGTHS = st.lists(st.integers(0, 9), min_size=1, max_size=9)


def cut(rows: np.ndarray, lengths: list[int]) -> list[np.ndarray]:
    return np.split(rows, np.cumsum(lengths)[:-1])


class Film:
    """Blocks of 100 samples that count how often they are read."""

    def __init__(self, blocks: int, ends_in: str = "") -> None:
        self.count, self.ends_in, self.readings = blocks, ends_in, 0

    def __call__(self) -> Iterator[np.ndarray]:
        self.readings += 1
        for number in range(self.count):
            yield np.full(100, number, np.float32)
        if self.ends_in:
            raise ClipError(self.ends_in)


@pytest.mark.parametrize(("blocks", "readings"), [(1, 1), (KEPT_BLOCKS, 1), (KEPT_BLOCKS + 1, 4), (KEPT_BLOCKS + 9, 4)])
def test_a_short_sound_is_decoded_once_and_a_long_one_for_each_reading(blocks, readings):
    film = Film(blocks)
    sound = Audio(film)
    assert film.readings == 1
    for _ in range(3):
        assert [block[0] for block in sound.blocks()] == list(range(blocks))
    assert film.readings == readings


def test_two_readings_at_a_time_do_not_disturb_each_other():
    sound = Audio(Film(KEPT_BLOCKS + 1))
    both = zip(sound.blocks(), sound.blocks(), strict=True)
    assert [(a[0], b[0]) for a, b in both] == [(i, i) for i in range(KEPT_BLOCKS + 1)]


def test_what_is_wrong_with_a_short_sound_is_known_at_once():
    with pytest.raises(ClipError, match="silent"):
        Audio(Film(1, "silent"))


def test_what_is_wrong_at_the_end_of_a_long_sound_is_known_there():
    blocks = Audio(Film(KEPT_BLOCKS + 2, "silent")).blocks()
    assert [next(blocks)[0] for _ in range(KEPT_BLOCKS + 2)] == list(range(KEPT_BLOCKS + 2))
    with pytest.raises(ClipError, match="silent"):
        next(blocks)


@pytest.mark.parametrize(
    ("count", "block", "lengths"), [(10, None, [10]), (10, 4, [4, 4, 2]), (8, 4, [4, 4]), (0, None, [0]), (0, 4, [0])]
)
def test_sound_from_memory(count, block, lengths):
    samples = np.arange(count, dtype=np.float32)
    blocks = list(Audio.of(samples, block).blocks())
    assert [len(one) for one in blocks] == lengths
    assert np.array_equal(np.concatenate(blocks), samples)


@given(LENGTHS, st.integers(1, 20), st.integers(0, 12), st.integers(0, 12))
def test_pieces_and_their_neighbours(lengths, step, before, after):
    samples = np.arange(sum(lengths), dtype=np.float32)
    found = [(begin, piece.tolist()) for begin, piece in overlapping(cut(samples, lengths), step, before, after)]
    starts = range(0, len(samples), step)
    assert found == [(at, samples[max(0, at - before) : at + step + after].tolist()) for at in starts]


def test_a_piece_waits_for_no_more_sound_than_it_holds():
    taken: list[int] = []
    blocks = (taken.append(number) or np.zeros(10, np.float32) for number in range(100))
    assert next(overlapping(blocks, 20, after=5))[0] == 0
    assert taken == [0, 1, 2]


@settings(deadline=None)
@given(LENGTHS, st.integers(0, 2**32 - 1))
def test_derivatives_over_seams_are_those_of_the_whole_bit_by_bit(lengths, seed):
    lengths[0] += 1
    rows = np.random.default_rng(seed).standard_normal((sum(lengths), 3))
    found = np.concatenate(list(over_seams(cut(rows, lengths), REACH, with_derivatives)))
    assert np.array_equal(found, with_derivatives(rows))


@settings(deadline=None)
@given(LENGTHS, st.integers(0, 5))
def test_context_over_seams_is_that_of_the_whole(lengths, reach):
    lengths[0] += 1
    rows = np.arange(2.0 * sum(lengths)).reshape(-1, 2)
    found = np.concatenate(list(over_seams(cut(rows, lengths), reach, lambda part: context(part, reach))))
    assert np.array_equal(found, context(rows, reach))


def test_long_blocks_come_out_as_they_go_in_and_one_block_as_one():
    rows = np.random.default_rng(0).standard_normal((400, 2))
    blocks = iter(np.split(rows, 4))
    lengths = [len(part) for part in over_seams(blocks, REACH, with_derivatives)]
    assert lengths == [96, 100, 100, 104]
    assert [len(part) for part in over_seams([rows], REACH, with_derivatives)] == [400]
    assert list(over_seams([], REACH, with_derivatives)) == []
