"""What the writing keys do: fix the target, ask, send it to the core, and say what became of it.

Nothing is sent without a yes, nothing is queued while the link is down, and no success is claimed before the core said so.
"""

from cdg_tui.commands.cabinets import CabinetCommands
from cdg_tui.commands.cases import CaseCommands
from cdg_tui.commands.deliveries import DeliveryCommands
from cdg_tui.commands.endpoints import EndpointCommands


class Commands(CaseCommands, CabinetCommands, DeliveryCommands, EndpointCommands):
    """Each method is one action, run as a worker of the app."""
