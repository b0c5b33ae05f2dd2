"""A signal in the middle of openSMILE costs no row of a clip: it waits for the clip's end."""

from __future__ import annotations

import signal
import threading

import numpy as np
import opensmile
import pytest

from pipeline.audio.smile import signals_wait, smile

SAMPLES = np.sin(np.arange(8000) / 7).astype(np.float32) / 2


@pytest.fixture(autouse=True)
def hears():
    """Let Ctrl-C mean something, which it does not in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def stopped(monkeypatch):
    """Return a list of signals, one of which comes with each third row that openSMILE hands over."""
    numbers: list[int] = []
    plain = opensmile.Smile._sink_callback

    def raising(y, starts, ends):
        inner = plain(y, starts, ends)

        def row(*given):
            if len(y) % 3 == 2 and numbers:
                signal.raise_signal(numbers.pop())
            return inner(*given)

        return row

    monkeypatch.setattr(opensmile.Smile, "_sink_callback", staticmethod(raising))
    return numbers


def lld():
    return smile("ComParE_2016", "lld")(SAMPLES, 16_000)[0].T


def test_ctrl_c_ends_it_after_the_clip_and_is_not_lost(stopped):
    stopped.append(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        lld()
    assert not stopped
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_no_row_is_lost(stopped):
    whole = lld()
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        stopped.extend([signal.SIGTERM] * 4)
        np.testing.assert_array_equal(lld(), whole)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_another_thread_hears_nothing_and_works():
    found = []
    thread = threading.Thread(target=lambda: found.append(lld()))
    thread.start()
    thread.join()
    assert len(found[0]) > 40


def test_an_error_in_the_block_comes_through():
    with pytest.raises(ValueError, match="own"), signals_wait():
        raise ValueError("own")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
