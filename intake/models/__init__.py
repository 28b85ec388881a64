from .appeal import Appeal
from .complainant import Complainant

__all__ = ["Appeal", "Complainant"]
