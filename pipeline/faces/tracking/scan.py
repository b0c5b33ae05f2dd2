"""Go through a clip once: follow every face, look again where it is due, and find the faces that come in.

A detector costs as much as decoding some twenty frames, so it is asked at times, and wherever following fails. Frames
are not kept: their reduced brightness is, for a while, and the followed faces' own pixels where crops are wanted.
"""

from array import array
from collections.abc import Iterable

import numpy as np

from pipeline.faces.boxes import iou
from pipeline.faces.tracking.detection import Look
from pipeline.faces.tracking.face_pixels import Kept
from pipeline.faces.tracking.optical_flow import Follower
from pipeline.faces.tracking.patch import PATCH, mouth_motion, reduced
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.shot import Cuts, Frame, Past
from pipeline.faces.tracking.tracklet import Seen, Tracklet
from pipeline.media.frame import VideoFrame

_WORK_PX = 640  # longest side of the reduced picture as long as no face is known
_SAME = 0.5  # overlap from which two followed faces are one
_SAMPLED = 5  # how often a followed face is kept for telling whose it is, frames
_UNCHANGED = 0.9  # likeness from which a face that was detected once should be detected again
_SMALL_AGAIN_S = 1.0
"""A clip without any face is searched for small ones, which takes long, at the beginning, so much later, and ever less
often."""
_PATIENCE = 0.5
"""A face is looked for again the later, the longer it is gone: the time between over the time that it is gone."""


class Scan:
    """Everything that is followed in one clip: `times`, s, of all frames so far, `shots`, the number of each one's, and
    `done`, the tracklets that have ended. `kept` gets the pixels of the followed faces.
    """

    def __init__(self, look: Look, params: TrackParams, kept: Kept | None = None) -> None:
        self._look, self._params, self._kept = look, params, kept
        self._follows = params.search_every_s > 0  # otherwise every frame is looked at, and nothing is followed
        self.times = array("d")
        self.shots = array("l")
        self.done: list[Tracklet] = []
        self._active: list[Tracklet] = []
        self._past = Past(params.search_every_s)
        self._next_search, self._searched = 0.0, -1
        self._lost_at: float | None = None
        self._small_at = 0.0
        self._cuts = Cuts(params.cut_below)

    def run(self, pictures: Iterable[tuple[float, VideoFrame]]) -> None:
        """Go through all pictures with their times, s."""
        last = None
        for time, picture in pictures:
            last = Frame(len(self.times), time, reduced(picture.luma, self._fold(picture.shape))), picture
            self._go_on(*last)
        soon = not self._active or self._gone_s() < self._params.search_every_s
        if last is not None and self._searched < last[0].number and soon:
            self._search(*last, [])
        self._end_all()

    def _gone_s(self) -> float:
        """Return for how long a face has been missed; from the beginning on, where none is known yet."""
        if self._lost_at is not None:
            return self.times[-1] - self._lost_at
        return np.inf if self._active else self.times[-1]

    def _go_on(self, frame: Frame, picture: VideoFrame) -> None:
        self.times.append(frame.time)
        cut = self._cuts(frame.grey)
        self.shots.append(self.shots[-1] + cut if self.shots else 0)
        if cut:
            self._end_all()
            self._past.clear()
            self._next_search = frame.time
        weak = self._follow(frame) if self._follows else []
        if self._follows and frame.time < self._next_search:
            self._look_again(frame, picture, weak)
        else:
            self._search(frame, picture, weak)
        if self._follows:
            self._part()
        self._past.add(frame)
        if self._kept is not None:
            self._kept.add(picture, (tracklet.follower.place for tracklet in self._active))

    def _fold(self, shape: tuple[int, int]) -> int:
        """Return how much a picture is reduced: as far as the smallest face allows."""
        sides = [tracklet.follower.place.side for tracklet in self._active]
        return max(1, int(min(sides) / PATCH) if sides else -(-max(shape) // _WORK_PX))

    def _follow(self, frame: Frame) -> list[Tracklet]:
        """Go on with every face; return those of which it is not sure that they are still there."""
        weak = []
        for tracklet in self._active:
            follower, before = tracklet.follower, tracklet.follower.place
            drawn, there = follower.drawn, follower.step(frame.grey, frame.time)
            tracklet.moved(frame.number, before)
            tracklet.still(frame.number, follower.calm)
            if there and "mouth" in self._params.subject:
                tracklet.mouth[frame.number] = mouth_motion(drawn, follower.drawn)
            if not there or not tracklet.holds(frame.grey, self._params.min_likeness):
                weak.append(tracklet)
            elif len(tracklet.frames) % _SAMPLED == 0:
                tracklet.sample()
        return weak

    def _look_again(self, frame: Frame, picture: VideoFrame, weak: list[Tracklet]) -> None:
        """Ask the detector about the faces that it has not seen for a while, and about those that may be gone."""
        for tracklet in list(self._active):
            unsure, every = tracklet in weak, self._params.detect_every_s
            if unsure or frame.time - self.times[tracklet.keys[-1]] >= (2 * every if tracklet.steady else every):
                found = self._look.near(picture, tracklet.follower.place)
                self._confirm(tracklet, self._best(tracklet, found), frame, unsure)

    def _search(self, frame: Frame, picture: VideoFrame, weak: list[Tracklet]) -> None:
        """Ask the detector about the whole picture; faces that are not followed yet are, from here on and back to where
        they began.
        """
        small = not (self._active or self.done) and frame.time >= self._small_at
        found, self._searched = self._look.everywhere(picture, small), frame.number
        if small:
            self._small_at = max(_SMALL_AGAIN_S, 2 * frame.time)
        pairs = [(iou(t.box, f.box), i, j) for i, t in enumerate(self._active) for j, f in enumerate(found)]
        of: dict[int, int] = {}
        for overlap, i, j in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
            if overlap >= self._params.min_iou and i not in of and j not in of.values():
                of[i] = j
        for i, tracklet in enumerate(list(self._active)):
            self._confirm(tracklet, found[of[i]] if i in of else None, frame, tracklet in weak)
        for j, one in enumerate(found):
            if j not in of.values():
                self._begin(frame, one)
        soon = max(self._params.lost_every_s, _PATIENCE * self._gone_s())
        self._next_search = frame.time + min(self._params.search_every_s, soon)

    def _best(self, tracklet: Tracklet, found: list[Seen]) -> Seen | None:
        """Return the detection that continues a face: the one that overlaps it most, if it overlaps no other more."""
        best = max(found, key=lambda f: iou(tracklet.box, f.box), default=None)
        if best is None or iou(tracklet.box, best.box) < self._params.min_iou:
            return None
        others = (iou(t.box, best.box) for t in self._active if t is not tracklet)
        return best if iou(tracklet.box, best.box) >= max(others, default=0.0) else None

    def _confirm(self, tracklet: Tracklet, found: Seen | None, frame: Frame, unsure: bool) -> None:
        """Take what the detector says of a followed face; one that may be gone and is not seen is."""
        if found is not None:
            if not self._follows:
                tracklet.stayed(frame.number)
            tracklet.detected(frame.grey, found)
        elif self._follows:
            tracklet.steady = False
            tracklet.doubted |= tracklet.holds(frame.grey, _UNCHANGED)
            gone = unsure and not tracklet.holds(frame.grey, self._params.lost_below)
            if gone or frame.time - self.times[tracklet.sure] > self._params.max_unseen_s:
                self._lose(tracklet, gone)

    def _lose(self, tracklet: Tracklet, unsure: bool) -> None:
        if unsure:
            tracklet.cut_after(tracklet.frames[-1] - 1)
        self._active.remove(tracklet)
        self._lost_at = self.times[-1]
        self._next_search = min(self._next_search, self.times[-1] + self._params.lost_every_s)
        self._end(tracklet)

    def _begin(self, frame: Frame, found: Seen) -> None:
        """Follow a new face, first back to where it came in."""
        rests = "mouth" not in self._params.subject
        tracklet = Tracklet(Follower(frame.grey, frame.time, found.place, rests))
        tracklet.stayed(frame.number)
        tracklet.detected(frame.grey, found)
        if self._follows:
            others = [*self.done, *self._active]
            tracklet.prepend(self._past.followed(frame, found, others, self._params))
        self._active.append(tracklet)

    def _part(self) -> None:
        """End the less likely one of two faces that are followed to one place."""
        ranked = sorted(self._active, key=lambda t: (-t.follower.likeness, t.frames[0]))
        for number, tracklet in enumerate(ranked):
            if any(iou(tracklet.box, t.box) > _SAME for t in ranked[:number] if t in self._active):
                self._lose(tracklet, True)

    def _end(self, tracklet: Tracklet) -> None:
        """Keep what was followed; what was detected once and then doubted, no longer than a gap would be."""
        if len(tracklet.keys) == 1 and tracklet.doubted:
            until = self.times[tracklet.keys[0]] + self._params.max_gap_s
            last = int(np.searchsorted(np.asarray(self.times), until, side="right")) - 1
            tracklet.cut_after(max(tracklet.keys[0], last))
        if tracklet.keys:
            self.done.append(tracklet)

    def _end_all(self) -> None:
        for tracklet in self._active:
            self._end(tracklet)
        self._active = []
