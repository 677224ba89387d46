"""A package that adds one of each kind: importing it registers them."""

from plug_in import agreement, by_trial, flipped, snip, whole_filters

__all__ = ["agreement", "by_trial", "flipped", "snip", "whole_filters"]
