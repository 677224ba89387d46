"""The papers' networks, data sets and settings.

Only the programs import this room. Flags are read from `settings`, which therefore
waits for nothing; the others import TensorFlow when they are asked for.
"""

__all__ = ["augmentation", "datasets", "networks", "settings"]
