"""What a search rewinds between two levels, by name; flags read it without a model."""

# weights: weights, schedule and optimizer (1903.01611). learning_rate: schedule and
# optimizer alone. none: fine-tuning, at the last learning rate (2003.02389).
REWINDS = ("weights", "learning_rate", "none")
