"""Go through a clip once: follow every face, look again where it is due, and find the faces that come in.

A detector costs as much as decoding some twenty frames, so it is asked at times, and wherever following fails. Frames
are
not kept: their reduced brightness is, for a while, and the followed faces' own pixels where crops are wanted.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

from pipeline.faces.boxes import iou
from pipeline.faces.tracking.detection import Look
from pipeline.faces.tracking.face_pixels import Kept
from pipeline.faces.tracking.frame_buffer import Past
from pipeline.faces.tracking.optical_flow import Follower
from pipeline.faces.tracking.patch import PATCH, Grey, inside, mouth_motion, reduced
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.shot_boundaries import Cuts
from pipeline.faces.tracking.tracklet import Seen, Tracklet, box_of
from pipeline.media.frame import AnyFrame

_WORK_PX = 640
"""Longest side of the reduced picture as long as no face is known."""
_AT_LEAST_INSIDE = 0.5
_SAME = 0.5
"""Overlap from which two followed faces are one."""
_SAMPLED = 5
"""How often a followed face is kept for telling whose it is, frames."""
_UNCHANGED = 0.9
"""Likeness from which a face that was detected once should be detected again."""
_PATIENCE = 0.5
"""The longer a face is gone, the longer until it is looked for again: the time between over the time that it is gone.
"""


class Scan:
    """Everything that is followed in one clip.

    Args:
        look: asks the detector
        params: settings
        kept: gets the pixels of the followed faces

    Attributes:
        times: of all frames so far, s
        shots: for each frame, the number of the shot
        done: the tracklets that have ended
    """

    def __init__(self, look: Look, params: TrackParams, kept: Kept | None = None) -> None:
        self._look, self._params, self._kept = look, params, kept
        self.times = array("d")
        self.shots = array("l")
        self.done: list[Tracklet] = []
        self._active: list[Tracklet] = []
        self._past = Past(params.search_every_s)
        self._next_search, self._searched = 0.0, -1
        self._lost_at: float | None = None
        self._cuts = Cuts(params.cut_below)

    def run(self, pictures: Iterable[tuple[float, AnyFrame]]) -> None:
        """Go through all pictures with their times, s."""
        last = None
        for time, picture in pictures:
            last = self._frame(time, picture)
        if (
            last is not None
            and self._searched < last[0]
            and (not self._active or self._gone_s() < self._params.search_every_s)
        ):
            self._search(*last, [])
        self._end_all()

    def _gone_s(self) -> float:
        """Return for how long a face has been missed; from the beginning on, where none is known yet."""
        return (
            self.times[-1] - self._lost_at
            if self._lost_at is not None
            else self.times[-1]
            if not self._active
            else np.inf
        )

    def _frame(self, time: float, picture: AnyFrame) -> tuple[int, float, AnyFrame, Grey]:
        index, grey = len(self.times), reduced(picture.luma, self._fold(picture.shape))
        self.times.append(time)
        cut = self._cuts(grey)
        self.shots.append(self.shots[-1] + cut if self.shots else 0)
        if cut:
            self._end_all()
            self._past.clear()
            self._next_search = time
        weak = self._follow(index, time, grey)
        if self._params.search_every_s and time < self._next_search:
            self._look_again(index, picture, grey, weak)
        else:
            self._search(index, time, picture, grey, weak)
        self._part()
        self._past.add(index, time, grey)
        if self._kept is not None:
            self._kept.add(picture, (tracklet.follower.place for tracklet in self._active))
        return index, time, picture, grey

    def _fold(self, shape: tuple[int, int]) -> int:
        """Return how much a picture is reduced: as far as the smallest face allows."""
        sides = [tracklet.follower.place.side for tracklet in self._active]
        return max(1, int(min(sides) / PATCH) if sides else -(-max(shape) // _WORK_PX))

    def _follow(self, index: int, time: float, grey: Grey) -> list[Tracklet]:
        """Go on with every face; return those of which it is not sure that they are still there."""
        weak = []
        for tracklet in self._active:
            follower, before = tracklet.follower, tracklet.follower.place
            if not self._params.search_every_s:
                continue  # every frame is looked at, nothing is followed
            drawn, there = follower.drawn, follower.step(grey, time)
            tracklet.moved(index, before)
            tracklet.still(index, follower.calm)
            if there and "mouth" in self._params.subject:
                tracklet.mouth[index] = mouth_motion(drawn, follower.drawn)
            if not there or not self._holds(follower, grey, self._params.min_likeness):
                weak.append(tracklet)
            elif len(tracklet.frames) % _SAMPLED == 0:
                tracklet.sample()
        return weak

    def _holds(self, follower: Follower, grey: Grey, at_least: float) -> bool:
        """Return whether a face is still like itself, and in the picture."""
        return follower.likeness >= at_least and inside(follower.place, grey.shape) >= _AT_LEAST_INSIDE

    def _look_again(self, index: int, picture: AnyFrame, grey: Grey, weak: list[Tracklet]) -> None:
        """Ask the detector about the faces that it has not seen for a while, and about those that may be gone."""
        for tracklet in list(self._active):
            unsure, every = tracklet in weak, self._params.detect_every_s
            if unsure or self._since(tracklet.keys[-1]) >= (2 * every if tracklet.steady else every):
                found = self._look.near(picture, tracklet.follower.place)
                self._confirm(tracklet, self._best(tracklet, found), index, grey, unsure)

    def _search(self, index: int, time: float, picture: AnyFrame, grey: Grey, weak: list[Tracklet]) -> None:
        """Ask the detector about the whole picture; faces that are not followed yet are, from here on and back to where
        they began.
        """
        found, self._searched = self._look.everywhere(picture), index
        pairs = [
            (iou(box_of(t.follower.place), f.box), i, j)
            for i, t in enumerate(self._active)
            for j, f in enumerate(found)
        ]
        of: dict[int, int] = {}
        for overlap, i, j in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
            if overlap >= self._params.min_iou and i not in of and j not in of.values():
                of[i] = j
        for i, tracklet in enumerate(list(self._active)):
            self._confirm(tracklet, found[of[i]] if i in of else None, index, grey, tracklet in weak)
        for j, one in enumerate(found):
            if j not in of.values():
                self._begin(index, time, grey, one)
        soon = max(self._params.lost_every_s, _PATIENCE * self._gone_s())
        self._next_search = time + min(self._params.search_every_s, soon)

    def _best(self, tracklet: Tracklet, found: list[Seen]) -> Seen | None:
        """Return the detection that continues a face: the one that overlaps it most, if it overlaps no other
        one more.
        """
        box = box_of(tracklet.follower.place)
        best = max(found, key=lambda f: iou(box, f.box), default=None)
        if best is None or iou(box, best.box) < self._params.min_iou:
            return None
        others = (iou(box_of(t.follower.place), best.box) for t in self._active if t is not tracklet)
        return best if iou(box, best.box) >= max(others, default=0.0) else None

    def _confirm(self, tracklet: Tracklet, found: Seen | None, index: int, grey: Grey, unsure: bool) -> None:
        """Take what the detector says of a followed face; one that may be gone and is not seen is."""
        if found is not None:
            if not self._params.search_every_s:
                tracklet.stayed(index)
            tracklet.detected(grey, found)
        elif self._params.search_every_s:
            tracklet.steady, tracklet.doubted = (
                False,
                tracklet.doubted | self._holds(tracklet.follower, grey, _UNCHANGED),
            )
            gone = unsure and not self._holds(tracklet.follower, grey, self._params.lost_below)
            if gone or self._since(tracklet.sure) > self._params.max_unseen_s:
                self._lose(tracklet, gone)

    def _lose(self, tracklet: Tracklet, unsure: bool) -> None:
        if unsure:
            tracklet.cut_after(tracklet.frames[-1] - 1)
        self._active.remove(tracklet)
        self._lost_at = self.times[-1]
        self._next_search = min(self._next_search, self.times[-1] + self._params.lost_every_s)
        self._end(tracklet)

    def _begin(self, index: int, time: float, grey: Grey, found: Seen) -> None:
        """Follow a new face, first back to where it came in."""
        tracklet = Tracklet(Follower(grey, time, found.place, rests="mouth" not in self._params.subject))
        tracklet.stayed(index)
        tracklet.detected(grey, found)
        if self._params.search_every_s:
            tracklet.prepend(self._back(index, time, grey, found))
        self._active.append(tracklet)

    def _back(self, index: int, time: float, grey: Grey, found: Seen) -> Tracklet:
        earlier = Tracklet(Follower(grey, time, found.place))
        earlier.stayed(index)
        others = [*self.done, *self._active]
        for frame, then, past in self._past.before(index):
            before, there = earlier.follower.place, earlier.follower.step(past, then)
            box = box_of(earlier.follower.place)
            taken = any(iou(box, other) > self._params.min_iou for t in others if (other := t.box_at(frame)))
            if taken or not there or not self._holds(earlier.follower, past, self._params.min_likeness):
                break
            earlier.moved(frame, before)
        return earlier

    def _part(self) -> None:
        """End the less likely one of two faces that are followed to one place."""
        ranked = sorted(self._active, key=lambda t: (-t.follower.likeness, t.frames[0]))
        for number, tracklet in enumerate(ranked):
            box = box_of(tracklet.follower.place)
            if self._params.search_every_s and any(
                iou(box, box_of(t.follower.place)) > _SAME for t in ranked[:number] if t in self._active
            ):
                self._lose(tracklet, True)

    def _since(self, frame: int) -> float:
        return self.times[-1] - self.times[frame]

    def _end(self, tracklet: Tracklet) -> None:
        """Keep what was followed; what was detected once and then doubted, no longer than a gap would be."""
        if len(tracklet.keys) == 1 and tracklet.doubted:
            until = self.times[tracklet.keys[0]] + self._params.max_gap_s
            tracklet.cut_after(
                max(tracklet.keys[0], int(np.searchsorted(np.asarray(self.times), until, side="right")) - 1)
            )
        if tracklet.keys:
            self.done.append(tracklet)

    def _end_all(self) -> None:
        for tracklet in self._active:
            self._end(tracklet)
        self._active = []
