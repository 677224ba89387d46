"""How often may a run be cut short from outside before the job gives up?

A process that is killed, or whose machine is gone, costs the run that it was at; begun
again, a search goes on at the level it had reached. What is cut short again and again
without a result in between would be so for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lth_keras.errors import LotteryError

if TYPE_CHECKING:
    from lth_keras.experiments.tasks import Task

# Times in a row that a task is begun again.
MOST = 3


class Losses:
    """Counts them by task.

    Args:
        advice: what to do when a job gives up, such as "use fewer workers".
        most: how many times in a row a task is begun again.
    """

    def __init__(self, advice: str, most: int = MOST):
        self._advice, self._most = advice, most
        self._counts: dict[Task, int] = {}

    def lost(self, task: Task, reason: str) -> str:
        """A task was cut short.

        Args:
            task: which.
            reason: what is known of it, such as "exit code -9".

        Returns:
            What to tell the user: that it is begun again.

        Raises:
            LotteryError: it has been cut short too often.
        """
        count = self._counts.get(task, 0) + 1
        self._counts[task] = count
        if count > self._most:
            raise LotteryError(
                f"{task.said} was ended from outside {count} times in a row ({reason})"
                f": {self._advice}; started again, it goes on."
            )
        return f"{task.said} was ended from outside ({reason}); it is begun again."

    def progressed(self, task: Task) -> None:
        """A task has a new result: what comes next is counted anew."""
        self._counts.pop(task, None)
