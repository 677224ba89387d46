"""The same from flags: lth-search, lth-controls, lth-plot, lth-export, lth-cost.

Modules that read flags import no TensorFlow, so a wrong flag is answered at once.
"""
