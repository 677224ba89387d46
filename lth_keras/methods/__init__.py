"""Which other ways lead to a subnetwork? Learned masks, and masks that grow.

method = lth.methods.EdgePopup(model, keep=0.5)
method.model.compile(...)
method.model.fit(x, y)
ticket = method.ticket()

`register` adds one of your own; `MethodSearch` carries one out in a run directory.
"""

# Importing them registers them.
from lth_keras.methods.dense_sparse_dense import DenseSparseDense
from lth_keras.methods.edge_popup import EdgePopup
from lth_keras.methods.gradual import Gradual
from lth_keras.methods.hard_thresholding import HardThresholding
from lth_keras.methods.method import Method, Phase
from lth_keras.methods.registry import get, names, parse, register
from lth_keras.methods.rigged_lottery import RigL
from lth_keras.methods.searching import MethodSearch
from lth_keras.methods.sparse_evolution import SparseEvolution
from lth_keras.methods.supermask import Supermask

__all__ = [
    "DenseSparseDense",
    "EdgePopup",
    "Gradual",
    "HardThresholding",
    "Method",
    "MethodSearch",
    "Phase",
    "RigL",
    "SparseEvolution",
    "Supermask",
    "get",
    "names",
    "parse",
    "register",
]
