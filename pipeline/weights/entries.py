"""What one block of weights.lock says, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.core.weights_file import FILE

SHA256 = r"^[0-9a-f]{64}$"
NAME = r"^\w[\w.-]*$"
SHOWN = 12
"""How many digits of a SHA-256 are shown to people."""


class Entry(Settings):
    """What all kinds of entries say.

    Without `sha256`, `sha256_prefix` guards against damage, not against malice; the first fetch or import by the user
    puts the full hash beside it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="key in weights.lock, folder in the cache")
    kind: str = Field(description="where it comes from")
    paper: str = Field(min_length=1, description="which paper uses it")
    network: str = Field(min_length=1, description="which network it fills")
    licence: str = Field(min_length=1, description="under which terms, as far as known")
    origin: str = Field(min_length=1, description="who trained it on what; goes into every result made with it")
    format: Literal["torch", "caffe", "ctranslate2", "tfjs", "dlib"] = Field(
        "torch",
        description="a state dict, a model of Caffe, CTranslate2 or TensorFlow.js, or a file that dlib reads itself",
    )
    layers: str | None = Field(None, description="layer map; null = none yet")
    activation: tuple[float, ...] | None = Field(
        None, min_length=8, max_length=8, description="what its network makes of a fixed input; null = not checked"
    )
    beside: Mapping[Annotated[str, Field(pattern=NAME)], Annotated[str, Field(pattern=SHA256)]] = Field(
        {}, description="further files of its folder that belong to it, and their SHA-256"
    )
    sha256: str | None = Field(None, pattern=SHA256, description="of the file; null until pinned")
    sha256_prefix: str | None = Field(None, pattern=r"^[0-9a-f]{8,63}$", description="first digits, as file names tell")

    file_as: ClassVar[str]
    """What the file is known by; the last part of it is its name."""
    source_as: ClassVar[str] = "file {0.file_name}"

    @property
    def file_name(self) -> str:
        """Name of the file in the cache."""
        return self.file_as.format(self).rsplit("/", 1)[-1]

    @property
    def source(self) -> str:
        """Where it comes from, in a few words."""
        return self.source_as.format(self).replace("==", " ")

    @property
    def known(self) -> str:
        """As much of the hash as is known and fit to be shown; empty where nothing is pinned."""
        return (self.sha256 or self.sha256_prefix or "")[:SHOWN]

    @property
    def only_by_hand(self) -> bool:
        """Say whether nobody but the user can get it."""
        return False

    @property
    def by_hand(self) -> str:
        """The command for a file that the user has got by hand."""
        return f"python -m pipeline weights import {self.name} FILE"

    def accepts(self, sha256: str, name: str = "") -> bool:
        """Say whether a file with this SHA-256 is the one meant, the entry's own or the one beside it that has this
        name; never so while nothing is pinned.
        """
        if name in self.beside:
            return sha256 == self.beside[name]
        if self.sha256:
            return sha256 == self.sha256
        return self.sha256_prefix is not None and sha256.startswith(self.sha256_prefix)


class TorchvisionEntry(Entry):
    """Weights that torchvision publishes; it knows their address. The file's name is known without torchvision."""

    kind: Literal["torchvision"]
    enum: str = Field(pattern=r"^\w+\.\w+$", description="member of one of torchvision's enums")
    file_as = "{0.enum}.pth"
    source_as = "torchvision {0.enum}"


class UrlEntry(Entry):
    """A file behind an address."""

    kind: Literal["url"]
    url: str = Field(pattern=r"^https?://[^\s?#]+/\w[\w.-]*$", description="its last part names the file")
    file_as = "{0.url}"


class PackageEntry(Entry):
    """A file inside a package of Python or of npm."""

    kind: Literal["package"]
    client: Literal["pip", "npm"] = Field("pip", description="the package manager that downloads it")
    package: str = Field(pattern=r"^(@[\w.-]+/)?[A-Za-z0-9][\w.-]*==[0-9][\w.]*$", description="name==version")
    member: str = Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$", description="path in the wheel, or below an archive's top")
    archive_sha256: str | None = Field(None, pattern=SHA256, description="of the one archive that may be taken")
    file_as = "{0.member}"
    source_as = "package {0.package}"


class FileEntry(Entry):
    """A file that only the user can get."""

    kind: Literal["file"]
    file: str = Field(pattern=NAME, description="its usual name")
    file_as = "{0.file}"

    @property
    def only_by_hand(self) -> bool:
        return True


class TrainedEntry(Entry):
    """Weights that a stage of this pipeline trains."""

    kind: Literal["trained"]
    stage: str = Field(pattern=r"^pretrain@\w+$", description="the stage that trains them")
    file_as = FILE
    source_as = "trained here by {0.stage}"

    @property
    def feature(self) -> str:
        """Name of the feature, and of the folder of its weights."""
        return self.stage.split("@")[1]
