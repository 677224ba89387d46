"""The paper's strategy 2: train, prune, and train on, without ever being reset.

Stock tfmot does it (`prune_low_magnitude` with `IterativePruning`), on the data, the
optimizer and the order of a search. Each level is stored as it ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras, sparsity
from lth_keras.errors import LotteryError
from lth_keras.masking.copying import copied, rebuilt
from lth_keras.masking.network import Network
from lth_keras.masking.schedules import IterativePruning
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.runs import repair
from lth_keras.runs.rows import Run
from lth_keras.search.search import LotterySearch
from lth_keras.storage import arrays, directories, locks, paths
from lth_keras.training import bars, one_run
from lth_keras.training.counting import level_seed
from lth_keras.training.plan import Plan
from lth_keras.training.steps import StopOnNaN


def masks_at(search: LotterySearch, plan: Plan, level: int) -> list[np.ndarray]:
    """The masks that continued training has at a level.

    The levels before are trained unless they are stored.

    Args:
        search: gives theta_0, rates, optimizer and data.
        plan: how it trains; its evaluations are left out, so callbacks find no
            validation metrics.
        level: pruning rounds, at least 1.

    Returns:
        One boolean mask per prunable weight. As stock tfmot counts, each keeps
        `round(n (1 - rate)^level)` of its n weights, which may differ by a few from
        the search's own rounding of every round.

    Raises:
        LotteryError: stock tfmot cannot prune as the search did.
    """
    if search.plan is not None and search.plan.lengths:
        raise LotteryError(
            "continued: stock tfmot prunes after levels of one length, and those of "
            "this search differ: leave this control out, or search without recipe= "
            "and with one number of epochs."
        )
    root = search.directory.chain
    with locks.lock(root):
        directories.clean_leftovers(root)
        chain: _Chain | None = None
        for before in range(level):
            if not paths.exists(_trained(root, before)):
                chain = chain or _Chain(search, plan)
                chain.train(before)
        path = _masks(root, level)
        if not paths.exists(path):
            chain = chain or _Chain(search, plan)
            chain.prune(level)
        return _read_masks(path, search)


def _read_masks(path: str, search: LotterySearch) -> list[np.ndarray]:
    """The stored masks, which fit the search.

    Raises:
        LotteryError: they are damaged or another's.
    """
    shapes = [weight.shape for weight in search.network.pruned]
    with repair.advised(paths.as_path(path)):
        found = list(arrays.read_arrays(path).values())
        if [(mask.shape, mask.dtype) for mask in found] != [
            (shape, np.dtype(bool)) for shape in shapes
        ]:
            raise LotteryError(f"{path} does not hold the masks of this network")
    return found


def _trained(root: str, level: int) -> str:
    return paths.join(root, f"level{level:02d}.npz")


def _masks(root: str, level: int) -> str:
    return paths.join(root, f"masks{level:02d}.npz")


class _Chain:
    """The network that stock tfmot prunes as it goes on training."""

    def __init__(self, search: LotterySearch, plan: Plan):
        ours = search.trainable_model()
        self._search, self._plan = search, plan
        self._root, self._length = search.directory.chain, plan.iterations
        self.model = self._stock(ours)
        # Callbacks may have left another learning rate than the search began with.
        one_run.load(search.network, search.ticket(0))
        search.ticket(0).apply(self.model)
        arguments = compat.compile_arguments(ours)
        optimizer = type(ours.optimizer).from_config(ours.optimizer.get_config())
        with ours.distribute_strategy.scope():
            self.model.compile(**{**arguments, "optimizer": optimizer, "metrics": None})
            compat.build_optimizer(optimizer, self.model.trainable_variables)
        self._level: int | None = None  # whose end the model is at

    def _stock(self, ours: keras.Model) -> keras.Model:
        def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
            if not isinstance(layer, PruneByLevel):
                return copied(layer)
            schedule = IterativePruning(layer.rate, self._length)
            try:
                wrapped = sparsity.prune_low_magnitude(copied(layer.layer), schedule)
            except ValueError as error:
                raise LotteryError(
                    f"continued: stock tfmot cannot prune layer {layer.name!r} "
                    f"({type(layer.layer).__name__}): leave it out (exclude=)."
                ) from error
            # Losses by the name of an output must find it.
            compat.set_name(wrapped, layer.name)
            return wrapped

        with compat.resettable_generators():
            return rebuilt(ours, convert)

    def train(self, level: int) -> None:
        """Trains a whole level and stores its masks and where it ended."""
        self._begin(level)
        self._fit(level, self._plan.epochs - self._plan.first_epoch)
        if level > 0:
            self._write_masks(level)
        self._write_state(level)
        self._level = level

    def prune(self, level: int) -> None:
        """Lets tfmot prune, in a level's first step, and stores the masks."""
        self._begin(level)
        self._fit(level, 1, steps=compat.steps_per_execution(self.model))
        self._write_masks(level)
        self._level = None

    def _begin(self, level: int) -> None:
        """Takes up where the level before ended."""
        if level and self._level != level - 1:
            path = _trained(self._root, level - 1)
            variables = self._variables()
            with repair.advised(path):
                stored = list(arrays.read_arrays(path).values())
                if [(v.shape, v.dtype) for v in stored] != [
                    (tuple(v.shape), v.dtype.as_numpy_dtype) for v in variables
                ]:
                    raise LotteryError(f"{path} is not of this network")
            for variable, value in zip(variables, stored, strict=True):
                variable.assign(value)
        compat.reset_generators(self.model, level_seed(self._search.seed, level))

    def _fit(self, level: int, epochs: int, steps: int | None = None) -> None:
        plan = self._plan
        first = plan.first_epoch + level * (plan.epochs - plan.first_epoch)
        users, watch = plan.callbacks_of(level), StopOnNaN()
        shown = bars.of_run(
            compat.TF_KERAS,
            Run(level, control="continued"),
            self._search.ticket(level).density,
            plan.fit_arguments.get("verbose", "auto"),
            users,
        )
        arguments = {
            name: value
            for name, value in plan.fit_arguments.items()
            if not name.startswith("validation_")
        }
        self.model.fit(
            plan.feed.dataset(level, 0, self._search.seed),
            initial_epoch=first,
            epochs=first + epochs,
            steps_per_epoch=steps or plan.feed.steps_per_epoch,
            callbacks=[
                *users,
                *shown,
                sparsity.UpdatePruningStep(),
                watch,
            ],
            **arguments,
        )
        if steps is None and watch.step != self._length:
            raise LotteryError(
                f"continued: level {level} stopped at iteration {watch.step} of "
                f"{self._length}, and tfmot prunes after whole levels alone: run this "
                "control without callbacks that stop training."
            )

    def _variables(self) -> list[Any]:
        """Everything that training changes: weights, masks, counters, optimizer."""
        weights = [compat.raw_variable(v) for v in self.model.weights]
        known = {id(v) for v in weights}
        return [
            *weights,
            *compat.optimizer_variables(self.model.optimizer, known).values(),
        ]

    def _write_state(self, level: int) -> None:
        values = [keras.backend.get_value(v) for v in self._variables()]
        arrays.write_arrays(
            _trained(self._root, level),
            {f"{index:04d}": np.asarray(value) for index, value in enumerate(values)},
        )

    def _write_masks(self, level: int) -> None:
        found = Network.of(self.model).pruned
        arrays.write_arrays(
            _masks(self._root, level),
            {f"{i:04d}/{w.path}": w.read_mask() for i, w in enumerate(found)},
        )


def check(model: keras.Model, iterations: int | None) -> None:
    """Refuses what stock tfmot does in another way.

    Args:
        model: the wrapped model.
        iterations: of a whole run, None where only `fit` knows.

    Raises:
        LotteryError: says what.
    """
    network = Network.of(model)
    recipe = network.recipe
    if not all(isinstance(w.wrapper, PruneByLevel) for w in network.pruned):
        raise LotteryError(
            "continued: stock tfmot wraps layers, and this model holds its masks in "
            "place: search what lth.wrap makes, or leave this control out."
        )
    if recipe.scope != "layer":
        raise LotteryError(
            "continued: stock tfmot ranks the weights of each layer by themselves: "
            "search with scope='layer', or leave this control out."
        )
    if recipe.criterion not in ("magnitude", "large_final"):
        raise LotteryError(
            f"continued: stock tfmot ranks by magnitude, not by {recipe.criterion}: "
            "leave this control out."
        )
    if recipe.granularity != "weight":
        raise LotteryError(
            f"continued: stock tfmot prunes single weights, not {recipe.granularity}: "
            "leave this control out."
        )
    if 0.0 in recipe.rates or any(
        weight.wrapper.left_dense for weight in network.pruned
    ):
        raise LotteryError(
            "continued: stock tfmot prunes frozen weights too (trainable=False), and "
            "the search does not: leave this control out."
        )
    if iterations is None:
        raise LotteryError(
            "continued needs the length of a run: pass steps_per_epoch to search.fit."
        )
