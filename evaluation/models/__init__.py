from .callback import Callback
from .simulation import Simulation

__all__ = ["Callback", "Simulation"]
