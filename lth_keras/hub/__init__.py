"""How is a ticket shared? On a hub of models, as safetensors with a model card.

    lth.hub.push(search.ticket(9), "me/lenet-ticket", search=search, dataset="mnist")
    lth.hub.pull("me/lenet-ticket").apply(model)

Needs the package's "hub" extra. What is read there is anybody's: it is checked as any
ticket is, and nothing of it is executed.
"""

from lth_keras.hub.sharing import pull, push

__all__ = ["pull", "push"]
