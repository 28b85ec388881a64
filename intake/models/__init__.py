from .appeal import Appeal
from .call import Call
from .complainant import Complainant

__all__ = ["Appeal", "Call", "Complainant"]
