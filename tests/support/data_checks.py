"""What tests of data sets share: images without their order, the line of a refusal."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.papers import datasets


def one_line(*args, **kwargs) -> str:
    with pytest.raises(LotteryError) as error:
        datasets.load(*args, **kwargs)
    assert "\n" not in str(error.value)
    return str(error.value)


def sorted_rows(array: np.ndarray) -> np.ndarray:
    """The images as rows, in an order that forgets the one they came in."""
    rows = array.reshape(len(array), -1)
    return rows[np.lexsort(rows.T)]
