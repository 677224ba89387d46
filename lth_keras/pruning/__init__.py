"""Which weights stay? Criteria, granularities, rates and exact masks, in NumPy.

Nothing here knows a model: arrays of weights go in, scores and masks come out.
"""
