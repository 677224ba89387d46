"""What is a ticket compared with? Seeded transforms of ticket and plan.

`run` trains one at the density of each level; `register` adds one of your own.
"""

# Importing them registers them.
from lth_keras.controls import (
    kept,
    masks,
    orders,
    pruned,
    rewinds,
    starts,
    transfers,
)
from lth_keras.controls.registry import Case, Change, register
from lth_keras.controls.running import run
from lth_keras.controls.syntax import Control, names, parse

__all__ = [
    "Case",
    "Change",
    "Control",
    "kept",
    "masks",
    "names",
    "orders",
    "parse",
    "pruned",
    "register",
    "rewinds",
    "run",
    "starts",
    "transfers",
]
