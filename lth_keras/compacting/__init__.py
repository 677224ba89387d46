"""How does it get smaller? An equal dense model without dead units.

`compact` makes it and `compaction` says what it took out.
"""

from lth_keras.compacting.model import compact, compaction
from lth_keras.compacting.report import Compaction, LayerSize

__all__ = ["Compaction", "LayerSize", "compact", "compaction"]
