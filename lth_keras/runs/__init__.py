"""What does a run directory hold? File names, result lines, the manifest, summaries.

Reads and names what searches and experiments have stored; trains nothing. What is here
needs NumPy alone; `runs.finished` and `runs.stored` read tickets too.
"""

from lth_keras.runs.layout import ExperimentDirectory, LevelDirectory, RunDirectory
from lth_keras.runs.rows import Run
from lth_keras.runs.summaries import Statistic, Summary, summarise

__all__ = [
    "ExperimentDirectory",
    "LevelDirectory",
    "Run",
    "RunDirectory",
    "Statistic",
    "Summary",
    "summarise",
]
