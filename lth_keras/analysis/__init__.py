"""What do runs have in common? Stability, paths, overlaps, signs, distances.

    found = lth.analysis.instability(search, level=7, rewind_to="0it")
    print(lth.analysis.overlap(search.ticket(7), search.ticket(9)))

`Study` makes stability part of an `lth.Experiment`; `stability` reads what is stored.
"""

from lth_keras.analysis.connectivity import instability, path
from lth_keras.analysis.masks import effective_density, overlap
from lth_keras.analysis.study import Study
from lth_keras.analysis.weights import distances, signs
from lth_keras.runs.stability import read as stability

__all__ = [
    "Study",
    "distances",
    "effective_density",
    "instability",
    "overlap",
    "path",
    "signs",
    "stability",
]
