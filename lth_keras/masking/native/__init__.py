"""Masks of Keras 3 models, on any backend: variables of the optimizer that trains them.

Layers, weights and the forward pass stay as they are. The optimizer's `apply` sees
gradients that are zero where a weight is pruned, before it clips or accumulates them,
and puts pruned weights back to +0.0 after whatever it did. As its variables the masks
are part of the state of the compiled step, and may change without a new trace.
"""
