"""How is one run trained? Data, steps, evaluation, learning rates, the curve.

From a ticket to trained weights and one result line.
"""
