"""One thread a run, whatever computes: so any number of processes gives one result."""

from __future__ import annotations

import contextlib
import os


def use_one_thread() -> None:
    """Lets TensorFlow, and what Keras 3 may be on, compute with one thread.

    Before anything is computed: XLA on JAX reads its flags once.
    """
    import tensorflow as tf

    backend = os.environ.get("KERAS_BACKEND")
    if backend == "jax":
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    if backend == "torch":
        with contextlib.suppress(ImportError):
            import torch

            torch.set_num_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
