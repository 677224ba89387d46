"""How does it get smaller? An equal dense model without dead units.

`compact` makes it and `compaction` says what it took out.
"""
