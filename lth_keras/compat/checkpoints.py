"""How TensorFlow finds the parts of an object that a checkpoint names."""

from __future__ import annotations

from typing import Any


class RestoresItsLayer:
    """A wrapper that gives its layer what a checkpoint has for the layer itself.

    In a checkpoint of a model that is not wrapped the layer stands where the wrapper
    is, and TensorFlow would look for the layer's weights in the wrapper alone.
    """

    layer: Any

    def _lookup_dependency(self, name: str, cached_dependencies: Any = None) -> Any:
        found = super()._lookup_dependency(  # type: ignore[misc]
            name, cached_dependencies
        )
        if found is None and vars(self).get("layer") is not None:
            found = self.layer._lookup_dependency(name)
        return found
