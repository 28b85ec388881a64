from .alert import Alert
from .api_client import ApiClient
from .assignment import Assignment
from .notice import Channel, Notice
from .request import Request
from .responsibility import Responsibility
from .webhook import Delivery, Webhook

__all__ = ["Alert", "ApiClient", "Assignment", "Channel", "Delivery", "Notice", "Request", "Responsibility", "Webhook"]
