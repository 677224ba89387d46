"""How is it shown? The papers' figures, tables, one self-contained page.

Reads run directories alone.
"""
