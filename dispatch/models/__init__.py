from .accountability import Accountability
from .alert import Alert
from .api_client import ApiClient
from .assignment import Assignment
from .rectification import Rectification, RectificationEntry
from .request import Request
from .responsibility import Responsibility
from .slip import Slip
from .webhook import Delivery, Webhook

__all__ = [
    "Accountability",
    "Alert",
    "ApiClient",
    "Assignment",
    "Delivery",
    "Rectification",
    "RectificationEntry",
    "Request",
    "Responsibility",
    "Slip",
    "Webhook",
]
