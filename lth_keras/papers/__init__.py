"""The papers' networks, data sets and settings.

Only the programs import this room.
"""
