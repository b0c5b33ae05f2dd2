"""Settings of the generated corpora."""

from pydantic import BaseModel, ConfigDict, Field

_CLARITY = "scale of the published differences between emotions, in the voice"


class DemoSettings(BaseModel):
    """Demo corpus: its size, and how clear the emotions are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=7, ge=0, description="of everything that is drawn")
    speakers: int = Field(default=8, ge=1, le=99, description="of the corpus, half of them female")
    takes: int = Field(default=2, ge=1, le=9, description="clips of every speaker and emotion")
    seconds: float = Field(default=2.0, ge=1.0, le=10.0, description="mean length of a clip, s; 0.9 to 1.2 times it")
    strength_voice: float = Field(default=0.75, ge=0.0, le=1.5, description=_CLARITY)
    strength_face: float = Field(default=0.7, ge=0.0, le=1.2, description="the same, in the face")
    variation_voice: float = Field(
        default=0.85, ge=0.0, le=2.0, description="scale of what changes at random from clip to clip, in the voice"
    )
    variation_face: float = Field(default=0.85, ge=0.0, le=2.0, description="the same, in the face")
    motion_face: float = Field(
        default=1.0, ge=0.0, le=3.0, description="scale of how far heads turn and drift: at 1 a few degrees, a few px"
    )


class SourceSettings(BaseModel):
    """Source corpora: voices and their utterances, identities, their images and their facial actions, textures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=7, ge=0, description="of everything that is drawn")
    voices: int = Field(default=16, ge=1, le=99, description="speakers of the speech corpus")
    utterances: int = Field(default=10, ge=1, le=99, description="of every voice")
    identities: int = Field(default=24, ge=1, le=99, description="people of the picture corpus")
    pictures: int = Field(default=40, ge=1, le=999, description="of every identity")
    textures: int = Field(default=192, ge=2, le=192, description="kinds of textures")
    texture_pictures: int = Field(default=5, ge=2, le=999, description="of every texture")
    actions: int = Field(
        default=1, ge=0, le=9, description="clips of every identity doing every facial action; 0 = none"
    )
    strength_voice: float = Field(default=0.3, ge=0.0, le=1.5, description=_CLARITY)
