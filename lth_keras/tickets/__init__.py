"""What is found? A mask with the weights to start from, as a checked directory.

Tickets are made of a pruned model, saved, loaded, and applied to another.
"""

from lth_keras.tickets.content import TicketContent, TicketWeight
from lth_keras.tickets.ticket import Ticket

__all__ = ["Ticket", "TicketContent", "TicketWeight"]
