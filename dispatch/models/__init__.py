from .alert import Alert
from .assignment import Assignment
from .responsibility import Responsibility

__all__ = ["Alert", "Assignment", "Responsibility"]
