"""How is it served? Packed SavedModels, `.keras` files and TFLite files.

Each export is reloaded in a fresh process and compared before it takes its place.
"""
