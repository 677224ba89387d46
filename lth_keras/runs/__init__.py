"""What does a run directory hold? File names, result lines, the manifest, summaries.

Reads and names what searches and experiments have stored; trains nothing.
"""
