from .callback import Callback
from .tally import Mark, Measure, Tally, TallyPlace

__all__ = ["Callback", "Mark", "Measure", "Tally", "TallyPlace"]
