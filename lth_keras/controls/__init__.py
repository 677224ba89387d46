"""What is a ticket compared with? Seeded transforms of ticket and plan.

`run` trains one at the density of each level; `register` adds one of your own.
"""

from lth_keras.controls.registry import Case, register
from lth_keras.controls.running import Control, names, parse, run

__all__ = ["Case", "Control", "names", "parse", "register", "run"]
