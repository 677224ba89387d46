"""How do bytes survive a kill? Atomic files and directories, locks, arrays.

Local or remote (gs://, ram://). NumPy is all that it needs; TensorFlow is asked for
remote paths alone.
"""
