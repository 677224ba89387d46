"""How is it shown? The papers' figures, one self-contained page.

Reads run directories alone.
"""

from lth_keras.reporting import curves, density, drawing, iterations, page, weights
from lth_keras.runs.tables import table

__all__ = ["curves", "density", "drawing", "iterations", "page", "table", "weights"]
