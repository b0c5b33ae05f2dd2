"""What the extractors of hub encoders share: which layers, and the folder that `fetch_weights` has made."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from pipeline.core.errors import WeightsError
from pipeline.core.settings import Settings
from pipeline.core.store import FeatureMeta
from pipeline.core.weights_file import Published, load_published
from pipeline.networks.hub import HubEncoder, Pool
from pipeline.networks.hub_files import PREPROCESSOR, transformers

Layer = Annotated[int, Field(ge=0)]


class LayerParams(Settings):
    """Which layers; weights that are learned belong to fine-tuning."""

    layers: Layer | tuple[Layer, ...] | Literal["all", "last"] = Field(
        "last",
        description="0 = what the first block gets, n = what block n gives, last = as the encoder ends; of a list or "
        "all of them, the weighted mean",
    )
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        None, description="fixed weight of each layer, divided by their sum; null = equal"
    )

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        several = isinstance(self.layers, tuple) or self.layers == "all"
        if self.weights is not None and not (several and sum(self.weights) > 0):
            raise ValueError("weights need a list of layers or all, and a sum above 0; leave them out for one layer")
        if isinstance(self.layers, tuple) and (not self.layers or len(set(self.layers)) < len(self.layers)):
            raise ValueError("name at least one layer, and none twice")
        return self


def encoder(
    extractor: str, section: str, params: LayerParams, folder: Path | None, pool: Pool
) -> tuple[HubEncoder, Published]:
    """Return the network of a folder of weights, all of whose files have been hashed, and what is told of it."""
    if folder is None:
        raise WeightsError(f"{extractor} needs the weights that `dvc repro fetch_weights@<its block>` fetches")
    published = load_published(folder)
    made = HubEncoder(folder, extractor, params.layers, params.weights, pool, f"{section}.{folder.name}")
    return made, published


def meta_of(
    network: HubEncoder, published: Published, params: Settings, feature: str, rate_hz: float = 0.0
) -> FeatureMeta:
    """Return the attributes of a feature of such an encoder."""
    told: dict[str, Any] = {"params": params.model_dump(), "weights": published.sha256, "origin": published.origin}
    return FeatureMeta(feature, network.columns, "float32", rate_hz, layer=network.told, **told)


def image_processor(folder: Path) -> Callable[[list[np.ndarray]], torch.Tensor]:
    """Return what turns the pictures (H, W, 3) uint8 of one input into what the encoder takes; WeightsError where
    preprocessor_config.json names no processor.
    """
    package = transformers()
    try:
        made = package.AutoImageProcessor.from_pretrained(
            folder, backend="pil", local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise WeightsError(
            f"{folder / PREPROCESSOR}: refused, no processor of pictures ({reason}); get it again"
        ) from error

    def prepare(pictures: list[np.ndarray]) -> torch.Tensor:
        given = pictures if len(pictures) == 1 else [pictures]
        return made(given, return_tensors="pt", input_data_format="channels_last")["pixel_values"]

    return prepare
