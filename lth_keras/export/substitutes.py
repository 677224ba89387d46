"""Other tensors in the place of a model's weights, for as long as it is traced.

    with substituted(model, {weight.key: packed.read}):
        ...trace...

The layers read what the functions return, and cast it as they cast their weights; the
model, its variables and its optimizer stay what they were.

Other threads must not use the model meanwhile: its layers hold these tensors then. Of
the exports of this process one runs at a time, whoever holds `alone`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import AutoCastVariable, keras, raw_variable
from lth_keras.masking import sites
from lth_keras.masking.variables import MaskedVariable

# Held by an export for as long as it reads or traces the model. One thread may stage
# several exports.
alone = threading.RLock()

# Gives a weight's dense value, in its shape and its own dtype.
Read = Callable[[], Any]


class Substitute(AutoCastVariable):
    """Stands for a variable, but reads as what a function returns.

    Args:
        variable: the variable as the layer holds it: raw, autocasting or masked.
        read: gives the value.
    """

    def __init__(self, variable: Any, read: Read):
        # Keras's own check is passed on purpose, as in `MaskedVariable`.
        self._variable = raw_variable(variable)
        self._op = "delegate"
        self._lth_read = read
        self._lth_casts = _casts(variable)

    @property
    def dtype(self) -> tf.DType:
        return self._cast_dtype if self._lth_casts else self._variable.dtype

    def _should_cast(self) -> bool:
        return self._lth_casts and bool(super()._should_cast())

    def value(self) -> Any:
        value = self._lth_read()
        return tf.cast(value, self._cast_dtype) if self._should_cast() else value

    def read_value(self) -> Any:
        return self.value()

    def sparse_read(self, indices: Any, name: str | None = None) -> Any:
        return tf.gather(self.value(), indices, name=name)

    def gather_nd(self, indices: Any, name: str | None = None) -> Any:
        return tf.gather_nd(self.value(), indices, name=name)

    def _dense_var_to_tensor(
        self, dtype: Any = None, name: str | None = None, as_ref: bool = False
    ) -> Any:
        value = self.value()
        if dtype is not None and not dtype.is_compatible_with(value.dtype):
            raise ValueError(
                f"the weight {self.name} is read as {value.dtype.name}, not as "
                f"{dtype.name}"
            )
        return value


@contextlib.contextmanager
def substituted(
    model: keras.Model, reads: Mapping[int, tuple[Any, Read]]
) -> Iterator[None]:
    """Lets layers read other values where their attributes hold these variables.

    A weight that a layer keeps in a list or dict is still read from its variable.

    Args:
        model: any built model.
        reads: the variable and what is read in its place, by any key.
    """
    changed = []
    alone.acquire()
    try:
        for variable, read in reads.values():
            for place in sites.places(model, variable):
                held = place.owner.__dict__[place.attribute]
                changed.append((place, held))
                # Not through setattr, by which Keras would track it as a weight.
                place.owner.__dict__[place.attribute] = Substitute(held, read)
        compat.forget_methods(model)
        yield
    finally:
        for place, held in reversed(changed):
            place.owner.__dict__[place.attribute] = held
        compat.forget_methods(model)
        alone.release()


def _casts(variable: Any) -> bool:
    """Whether the layer gets the variable in its compute dtype."""
    while isinstance(variable, AutoCastVariable):
        if not isinstance(variable, MaskedVariable):
            return True
        variable = variable.raw
    return False
