from .alert import Alert
from .alert_note import AlertNote
from .api_client import ApiClient
from .assignment import Assignment
from .notice import Channel, Notice
from .request import Request
from .responsibility import Responsibility
from .threshold import Breach, Threshold
from .webhook import Delivery, Webhook

__all__ = [
    "Alert",
    "AlertNote",
    "ApiClient",
    "Assignment",
    "Breach",
    "Channel",
    "Delivery",
    "Notice",
    "Request",
    "Responsibility",
    "Threshold",
    "Webhook",
]
