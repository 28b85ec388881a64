from .accountability import Accountability
from .alert import Alert
from .alert_note import AlertNote
from .api_client import ApiClient
from .assignment import Assignment
from .heartbeat import Heartbeat
from .meeting import Meeting, Opinion
from .notice import Channel, Notice
from .rectification import Rectification, RectificationEntry
from .request import Request
from .responsibility import Responsibility
from .slip import Slip
from .threshold import Breach, Threshold
from .webhook import Delivery, Webhook

__all__ = [
    "Accountability",
    "Alert",
    "AlertNote",
    "ApiClient",
    "Assignment",
    "Breach",
    "Channel",
    "Delivery",
    "Heartbeat",
    "Meeting",
    "Notice",
    "Opinion",
    "Rectification",
    "RectificationEntry",
    "Request",
    "Responsibility",
    "Slip",
    "Threshold",
    "Webhook",
]
