from .appeal import Appeal
from .call import Call
from .complainant import Complainant
from .correction import Correction
from .message import Message

__all__ = ["Appeal", "Call", "Complainant", "Correction", "Message"]
