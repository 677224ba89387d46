"""How does a Keras 3 model become one of tf_keras, and compute the same?

`from_keras3` makes it and `compile_like` compiles it; the way back, of what was found,
is `export.into_keras3`.
"""

from lth_keras.converting.compiling import compile_like
from lth_keras.converting.conversion import from_keras3

__all__ = ["compile_like", "from_keras3"]
