"""A loop by hand that stops after a level and goes on in another process.

    KERAS_BACKEND=jax python -m tests.support.native_resume FOLDER UNTIL

Prints what tells one result from another, after the level UNTIL.
"""

from __future__ import annotations

import hashlib
import pathlib
import sys

import lth_keras as lth
from lth_keras.masking.network import Network
from tests.support import native_models as zoo
from tests.support import native_oracle as oracle


def main(folder: pathlib.Path, until: int) -> None:
    model, x, y = zoo.made("convolutional", "adamw")
    lth.hold(model, rate=zoo.RATE)
    tickets = sorted(folder.glob("ticket*"))
    if tickets:
        ticket = lth.Ticket.load(tickets[-1])
        ticket.apply(model)
        model.load_weights(folder / f"trained{ticket.level}.weights.h5")
        start, done = ticket.start(), ticket.level
    else:
        start, done = lth.capture(model), -1
    for level in range(done + 1, until + 1):
        if level:
            lth.prune(model)
            lth.rewind(model, start)
        Network.of(model).reset_generators(7 + level)
        model.fit(x, y, batch_size=zoo.BATCH, epochs=2, shuffle=False, verbose=0)
        lth.verify(model)
        lth.Ticket.of(model, start, level=level).save(folder / f"ticket{level}")
        model.save_weights(folder / f"trained{level}.weights.h5")
    digest = hashlib.sha256()
    state = lth.capture(model).optimizer or {}
    for value in (*oracle.values(model), *(state[path] for path in sorted(state))):
        digest.update(value.tobytes())
    print(lth.Ticket.load(folder / f"ticket{until}").fingerprint, digest.hexdigest())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
