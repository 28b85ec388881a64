from .alert import Alert
from .api_client import ApiClient
from .assignment import Assignment
from .heartbeat import Heartbeat
from .request import Request
from .responsibility import Responsibility
from .webhook import Delivery, Webhook

__all__ = ["Alert", "ApiClient", "Assignment", "Delivery", "Heartbeat", "Request", "Responsibility", "Webhook"]
