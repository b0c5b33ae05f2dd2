"""Names of models and fusions as types: each is the text that stands in tables and file names, and knows its parts."""

from __future__ import annotations

from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

METHOD = "combined"
"""Method of a fusion that the system names."""


class _Id(str):
    """A text made of parts, which it keeps; equal to the plain text, so that tables and JSON need no conversion."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let settings name one as text."""
        return core_schema.no_info_plain_validator_function(cls.parse, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def parse(cls, text: Any) -> Self:
        """Return the id that params.yaml names."""
        raise NotImplementedError


class ModelId(_Id):
    """A classifier on a feature: `lld147-lstm`.

    >>> ModelId("lld147", "lstm"), ModelId.parse("lld147-lstm").classifier
    ('lld147-lstm', 'lstm')
    """

    feature: str
    classifier: str
    method = ""

    def __new__(cls, feature: str, classifier: str) -> Self:
        """Take the names of feature and classifier, which have no hyphen."""
        made = super().__new__(cls, f"{feature}-{classifier}")
        made.feature, made.classifier = feature, classifier
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Travel to worker processes."""
        return self.feature, self.classifier

    @classmethod
    def parse(cls, text: Any) -> Self:
        """Return the id that params.yaml names.

        Raises:
            ValueError: not `<feature>-<classifier>`
        """
        if isinstance(text, cls):
            return text
        feature, hyphen, classifier = str(text).partition("-")
        if not (hyphen and _is_name(feature) and _is_name(classifier)):
            raise ValueError(f"'{text}' names no model; write <feature>-<classifier>, such as egemaps-transfer")
        return cls(feature, classifier)


class PairId(_Id):
    """An audio and a video feature with their classifier: `a60+v1024-lstm`."""

    audio: ModelId
    video: ModelId

    def __new__(cls, audio: ModelId, video: ModelId) -> Self:
        """Take two models of one classifier."""
        made = super().__new__(cls, f"{audio.feature}+{video.feature}-{audio.classifier}")
        made.audio, made.video = audio, video
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Travel to worker processes."""
        return self.audio, self.video

    @property
    def features(self) -> str:
        """Both features, `a60+v1024`."""
        return f"{self.audio.feature}+{self.video.feature}"

    @property
    def classifier(self) -> str:
        """The classifier of both."""
        return self.audio.classifier


class FusionId(_Id):
    """A rule over what it fuses: `confidence-a60+v1024-lstm`, `combined-audio_visual-weighted`.

    Attributes:
        rule: plugin in pipeline/fusion/rules
        method: the rule, for a stacked one with what it fuses, `confidence-logistic_regression+audio`; `combined` for
            one that the system names
        over: for a stacked one, the modalities whose results it fuses with those of logistic regression
        pair: the two models, None for a combined one
    """

    rule: str
    method: str
    over: tuple[str, ...]
    pair: PairId | None

    def __new__(cls, text: str, rule: str, method: str, over: tuple[str, ...] = (), pair: PairId | None = None) -> Self:
        """Take the text and its parts; see `of_pair`, `stacked`, `combined`."""
        made = super().__new__(cls, text)
        made.rule, made.method, made.over, made.pair = rule, method, over, pair
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Travel to worker processes."""
        return str(self), self.rule, self.method, self.over, self.pair

    @classmethod
    def of_pair(cls, rule: str, pair: PairId) -> Self:
        """Return the id of a rule over an audio and a video model."""
        return cls(f"{rule}-{pair}", rule, rule, (), pair)

    @classmethod
    def stacked(cls, rule: str, below: str, partners: str, pair: PairId) -> Self:
        """Return the id of a rule over the result of another one and the models of some modalities, `audio+video`."""
        method, over = f"{rule}-{below}+{partners}", (below, *partners.split("+"))
        return cls(f"{method}-{pair}", rule, method, over, pair)

    @classmethod
    def combined(cls, name: str, rule: str) -> Self:
        """Return the id of a fusion that the system names."""
        return cls(f"{METHOD}-{name}-{rule}", rule, METHOD)


def _is_name(text: str) -> bool:
    return text.replace("_", "a").isalnum()
