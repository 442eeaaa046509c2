"""Line pictures as the input of an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image as PillowImage
from pydantic import BaseModel, ConfigDict

from raypipe.recognition.trocr.generation import Floats
from raypipe.types import Pixels


class Preprocessing(BaseModel):
    """The keys of a model's preprocessor_config.json about its pictures. Others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    size: int | dict[str, int]
    resample: int = PillowImage.Resampling.BILINEAR
    do_normalize: bool = True
    image_mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    image_std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def tensor(self, pictures: Sequence[Pixels]) -> Floats:
        """Pictures (h, w, 3), BGR, as (n, 3, height, width): each scaled to that size, whatever its shape."""
        height, width = (
            (self.size, self.size) if isinstance(self.size, int) else (self.size["height"], self.size["width"])
        )
        batch = np.empty((len(pictures), 3, height, width), np.float32)
        for place, picture in zip(batch, pictures, strict=True):
            image = PillowImage.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
            scaled = image.resize((width, height), PillowImage.Resampling(self.resample))
            place[:] = np.asarray(scaled, np.float32).transpose(2, 0, 1)
        batch /= 255
        if self.do_normalize:
            batch -= np.array(self.image_mean, np.float32)[:, None, None]
            batch /= np.array(self.image_std, np.float32)[:, None, None]
        return batch
