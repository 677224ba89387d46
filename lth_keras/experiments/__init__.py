"""Trials x levels x controls of any search, on any engine.

Knows no flags: a function that makes a search is all that it is given.
"""
