"""Public methods of `tf_keras.Model` that do more for the models of this package.

tf_keras itself is not imported here: what is done as soon as it is there needs this
file, whichever file of this room asked for tf_keras first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wrapt

# f(original method, model, positional arguments, keyword arguments) -> its result.
Around = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]


def surround(method: str, concerns: Callable[[Any], bool], do: Around) -> None:
    """Lets a method of every Keras model do something else for some models.

    `wrap` returns a model of Keras's own class, since a copy, a file or a clone of it
    must be of that class; so there is no class of ours whose method this could be.

    Args:
        method: name of a method of `tf_keras.Model`; its signature and text stay.
        concerns: whether a model is one of those; for all others the method does what
            it always did.
        do: what it does for them.
    """

    def around(original: Any, model: Any, args: Any, kwargs: Any) -> Any:
        if not concerns(model):
            return original(*args, **kwargs)
        return do(original, model, args, kwargs)

    wrapt.wrap_function_wrapper("tf_keras", f"Model.{method}", around)
