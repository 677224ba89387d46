"""An engine: in this process, each trial's controls as long as its model is there."""

from __future__ import annotations

from lth_keras.experiments.engines.registry import Job, register
from lth_keras.storage import files, paths


@register("by_trial")
def by_trial(job: Job) -> list[str]:
    """Carries out every task, and notes their order in tasks.json of the directory."""
    diverged: list[str] = []
    order: list[list[object]] = []
    trial: int | None = None
    while task := job.queue.take(trial):
        diverged += job.carry_out(task)
        job.queue.finish(task)
        trial = task.trial
        order.append([task.trial, task.kind, task.level])
    files.write_json(paths.join(job.directory.root, "tasks.json"), order)
    return diverged
