from __future__ import annotations

import numpy as np
import pytest
from making import MIDDLE

from raypipe.recognition.ctc.batching import NARROWEST, buckets, padded_width, stack

WIDTHS = range(1, 4000)


def test_padding_never_cuts_and_grows_with_the_width() -> None:
    padded = [padded_width(width) for width in WIDTHS]
    assert all(wide >= width for wide, width in zip(padded, WIDTHS, strict=True))
    assert padded == sorted(padded)


def test_padding_wastes_little() -> None:
    assert padded_width(1) == padded_width(NARROWEST) == NARROWEST
    for width in range(NARROWEST + 1, 4000):
        assert padded_width(width) - width < max(64, width / 4)


def test_there_are_few_buckets_and_the_network_can_take_them() -> None:
    """Every new width costs a GPU a search for algorithms; the network has a step every eight pixels."""
    padded = {padded_width(width) for width in WIDTHS}
    assert len(padded) <= 40
    assert all(width % 32 == 0 for width in padded)


def test_a_bucket_is_its_own_padded_width() -> None:
    assert all(padded_width(padded_width(width)) == padded_width(width) for width in WIDTHS)


@pytest.mark.parametrize("batch_size", [1, 3, 16, 1000])
def test_buckets_cover_every_picture_once(batch_size: int) -> None:
    widths = np.random.default_rng(0).integers(1, 3201, 200).tolist()
    batches = list(buckets(widths, batch_size))
    assert sorted(n for members, _ in batches for n in members.tolist()) == list(range(200))
    assert all(1 <= len(members) <= batch_size for members, _ in batches)
    assert all(padded_width(widths[n]) == width for members, width in batches for n in members)
    assert [width for _, width in batches] == sorted((width for _, width in batches), reverse=True)


def test_no_pictures_make_no_buckets() -> None:
    assert list(buckets([], 4)) == []


def test_stack_scales_orders_and_pads() -> None:
    first, second = np.zeros((2, 3, 3), np.uint8), np.full((2, 1, 3), 255, np.uint8)
    first[1, 2] = (0, 51, 255)
    batch = stack([first, second], 4, MIDDLE)
    assert (batch.shape, batch.dtype) == ((2, 3, 2, 4), np.float32)
    assert np.allclose(batch[0, :, 1, 2], [-1, -0.6, 1])
    assert np.allclose(batch[0, :, :, :2], -1)
    assert np.allclose(batch[1, :, :, 0], 1)
    assert (batch[0, :, :, 3:] == 0).all()
    assert (batch[1, :, :, 1:] == 0).all()
