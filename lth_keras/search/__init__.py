"""The paper's loop: train, prune, rewind, repeat, level by level.

`LotterySearch` is resumed where it was killed.
"""

from lth_keras.search.search import LotterySearch

__all__ = ["LotterySearch"]
