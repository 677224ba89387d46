"""What in a model holds the masks? Wrapped layers, and the acts of a search on them.

wrap, unwrap, capture, prune, rewind, project, verify, coverage.
"""
