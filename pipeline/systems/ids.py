"""Names of models and fusions as types: each is the text that stands in tables and file names, and knows its parts.

Each is equal to the plain text, so that tables and JSON need no conversion.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

METHOD = "combined"
"""Method of a fusion that the system names."""


class ModelId(str):
    """A classifier on a feature, neither name with a hyphen: `lld147-lstm`.

    >>> ModelId("lld147", "lstm"), ModelId.parse("lld147-lstm").classifier
    ('lld147-lstm', 'lstm')
    """

    feature: str
    classifier: str
    method = ""

    def __new__(cls, feature: str, classifier: str) -> Self:
        made = super().__new__(cls, f"{feature}-{classifier}")
        made.feature, made.classifier = feature, classifier
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:  # to worker processes, as below
        return self.feature, self.classifier

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let settings name one as text."""
        return core_schema.no_info_plain_validator_function(cls.parse, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def parse(cls, text: Any) -> Self:
        """Return the id that params.yaml names; a ValueError says that the text is not `<feature>-<classifier>`."""
        if isinstance(text, cls):
            return text
        feature, _, classifier = str(text).partition("-")
        if not all(name.replace("_", "a").isalnum() for name in (feature, classifier)):
            raise ValueError(f"'{text}' names no model; write <feature>-<classifier>, such as egemaps-transfer")
        return cls(feature, classifier)


class PairId(str):
    """An audio and a video feature with the classifier of both: `a60+v1024-lstm`; `features` is `a60+v1024`."""

    audio: ModelId
    video: ModelId
    features: str
    classifier: str

    def __new__(cls, audio: ModelId, video: ModelId) -> Self:
        features = f"{audio.feature}+{video.feature}"
        made = super().__new__(cls, f"{features}-{audio.classifier}")
        made.audio, made.video, made.features, made.classifier = audio, video, features, audio.classifier
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.audio, self.video


class FusionId(str):
    """A rule over what it fuses: `confidence-a60+v1024-lstm`, `combined-audio_visual-weighted`."""

    rule: str  # plugin in pipeline/fusion/rules
    method: str
    """The rule, for a stacked one with what it fuses, `confidence-logistic_regression+audio`; `combined` for one that
    the system names."""
    over: tuple[str, ...]  # for a stacked one, the modalities that it fuses with the results of logistic regression
    pair: PairId | None  # the two models, None for a combined one

    def __new__(cls, text: str, rule: str, method: str, over: tuple[str, ...] = (), pair: PairId | None = None) -> Self:
        made = super().__new__(cls, text)
        made.rule, made.method, made.over, made.pair = rule, method, over, pair
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
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
