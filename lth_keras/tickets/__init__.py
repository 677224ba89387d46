"""What is found? A mask with the weights to start from, as a checked directory.

Tickets are made of a pruned model, saved, loaded, and applied to another.
"""
