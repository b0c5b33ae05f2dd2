"""The entry of weights.lock for an encoder of a model hub."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.core.files import digest_of
from pipeline.core.weights_file import CONFIG
from pipeline.weights.entries import NAME, SHA256, SHOWN, Entry

Digest = Annotated[str, Field(pattern=SHA256)]
FileName = Annotated[str, Field(pattern=NAME)]
CONFIGS = (CONFIG, "preprocessor_config.json")
"""What every folder of an encoder has: its architecture, and what its input is made into."""
NO_PICKLE = (
    "is no safetensors, and a pickle can run code; convert it once in Python by `transformers.AutoModel."
    "from_pretrained(FOLDER).save_pretrained(NEW)`, or take a revision that has model.safetensors"
)


class HubEntry(Entry):
    """The folder of an encoder that `transformers` reads: of a repository of a model hub, or of the user's own."""

    kind: Literal["hub"]
    repository: str | None = Field(
        None, pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name on the hub; null = a folder of one's own"
    )
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$", description="the commit; no branch, which moves")
    files: dict[FileName, Digest] = Field(
        description="each of its files -> SHA-256: config.json, preprocessor_config.json, safetensors"
    )
    sha256: None = None
    sha256_prefix: None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.repository is None) != (self.revision is None):
            raise ValueError("repository and revision go together; give both, or neither for a folder of your own")
        if odd := [name for name in self.files if not name.endswith((".json", ".safetensors"))]:
            raise ValueError(f"{odd[0]} {NO_PICKLE}")
        missing = [name for name in CONFIGS if name not in self.files]
        if missing or not any(name.endswith(".safetensors") for name in self.files):
            raise ValueError(f"files lacks {(missing or ['model.safetensors'])[0]}; give the SHA-256 of it")
        return self

    @property
    def file_name(self) -> str:
        """Name of the folder in the cache; other files are another folder."""
        return self.known

    @property
    def source(self) -> str:
        return f"hub {self.repository} at {str(self.revision)[:SHOWN]}" if self.repository else "a folder"

    @property
    def known(self) -> str:
        return digest_of(self.files)[:SHOWN]

    @property
    def only_by_hand(self) -> bool:
        return self.repository is None

    @property
    def by_hand(self) -> str:
        return f"python -m pipeline weights import {self.name} FOLDER"
