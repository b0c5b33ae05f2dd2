"""Peak memory of every per-clip stage for a clip of 1 minute and of 30; run by `benchmarks.engine memory`.

The clip is the demo's clips one after the other, again and again, 320x240 at 25 frames a second, H.264 and AAC.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from itertools import cycle
from pathlib import Path

import av

from benchmarks.bench import Bench, chosen
from benchmarks.measure import peak_of

MINUTES = (1, 30)


def film(path: Path, seconds: float) -> None:
    """Write one clip made of the demo's, without encoding anything anew."""
    sources = cycle(sorted(Path("data/demo").rglob("*.mp4")))
    offset = Fraction(0)
    with av.open(str(next(sources))) as first, av.open(str(path), "w") as out:
        streams = {stream.type: out.add_stream_from_template(stream) for stream in first.streams}
        while offset < seconds:
            with av.open(str(next(sources))) as clip:
                for packet in clip.demux(clip.streams.video[0], clip.streams.audio[0]):
                    if packet.pts is None or packet.pts < 0:  # the end of a stream, or what the AAC encoder began with
                        continue
                    shift = round(offset / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.type]
                    out.mux(packet)
                offset += Fraction(max(stream.duration * stream.time_base for stream in clip.streams))


def main(*words: str) -> None:
    """Print peaks of anonymous memory of all stages, or of those with one of some words in their name."""
    with tempfile.TemporaryDirectory() as name:
        benches = []
        for minutes in MINUTES:
            bench = Bench(Path(name) / str(minutes), 1)
            film(bench.root / "data/demo/film.mp4", 60.0 * minutes)
            bench.enter("film.mp4", "s01", "anger")
            benches.append(bench)
        print("| stage | 1 minute | 30 minutes | ratio |\n|---|---|---|---|")
        for stage, command in chosen(words).items():
            one, thirty = (peak_of(_stage, bench.root, command) for bench in benches)
            print(f"| {stage} | {one:.0f} MB | {thirty:.0f} MB | {thirty / one:.2f} |", flush=True)


def _stage(root: Path, command: str) -> Callable[[], object]:
    """Return the stage, to be run in this process, which is one of its own."""
    _, _, module, *arguments = command.split()
    sys.path.insert(0, os.getcwd())
    os.chdir(root)
    sys.argv = [module, *arguments]

    def run() -> None:
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as leave:
            if leave.code:
                raise RuntimeError(f"{command}: exit {leave.code}") from leave

    return run
