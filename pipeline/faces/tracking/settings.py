"""Settings of the tracker."""

from typing import Literal

from pydantic import Field

from pipeline.core.settings import Settings


class TrackParams(Settings):
    """`track_faces` in params.yaml, but for the detector's own settings."""

    detector: str = Field(
        "dlib_hog", min_length=1, description="plugin in pipeline/faces/detection {Zhang III.A.2: haar}"
    )
    eyes: Literal["dlib5", "detector"] = Field(
        "detector",
        description="who finds the eyes: dlib's 5-point predictor, or the detector itself (where its boxes have "
        "them on average)",
    )
    search_every_s: float = Field(
        4.0,
        ge=0,
        le=60,
        description="look for faces in the whole picture every so many s; 0 = in every frame, and follow nothing "
        "{Zhang III.A.2: 0}",
    )
    detect_every_s: float = Field(0.8, gt=0, le=10, description="look again at a followed face every so many s")
    lost_every_s: float = Field(
        0.2,
        ge=0,
        le=10,
        description="look in the whole picture so many s after a face is lost, and again, ever less often, until "
        "search_every_s is reached",
    )
    max_unseen_s: float = Field(
        1.0, gt=0, le=60, description="follow a face that the detector does not see for so many s, at most"
    )
    min_likeness: float = Field(
        0.6, ge=0, lt=1, description="correlation with the face at its last detection under which the detector is asked"
    )
    lost_below: float = Field(
        0.35, ge=0, lt=1, description="the same, under which it is gone if the detector does not see it"
    )
    cut_below: float = Field(
        0.5,
        ge=-1,
        le=1,
        description="correlation of two frames' thumbnails under which there is a cut; -1 = there is none",
    )
    max_gap_s: float = Field(0.2, ge=0, le=10, description="longest time without the face to interpolate over, s")
    smooth_s: float = Field(0.05, ge=0, le=2, description="standard deviation of the smoothing in time, s; 0 = none")
    min_iou: float = Field(0.3, gt=0, lt=1, description="overlap with a face's box from which a detection continues it")
    min_coverage: float = Field(
        0.5, ge=0, le=1, description="share of frames with a face below which a clip is degraded"
    )
    same_from: float = Field(
        0.82, ge=0, le=1, description="resemblance from which a face that comes back is the one that went, 0 to 1"
    )
    close_from: float = Field(
        0.7, ge=0, le=1, description="weight of the second face over the subject's from which the ledger says so"
    )
    subject: tuple[Literal["length", "size", "score", "mouth"], ...] = Field(
        ("length", "size", "score"),
        min_length=1,
        description="the clip's subject is the face with the largest product of these; mouth = how its motion goes "
        "with the sound",
    )
