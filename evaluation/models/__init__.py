from .callback import Callback
from .simulation import Simulation
from .tally import Mark, Measure, Tally, TallyPlace

__all__ = ["Callback", "Mark", "Measure", "Simulation", "Tally", "TallyPlace"]
