from .account import AccessRequest, AccountEvent, FailedLogins, PasswordLink
from .attachment import Attachment
from .calendar_day import CalendarChange, CalendarDay
from .clock import Clock
from .event import Event
from .lease import Lease
from .organisation import Area, Category, Unit, User
from .policy import Policy
from .reindexing import Reindexing
from .saved_view import SavedView
from .standard_text import StandardText
from .stored_answer import StoredAnswer
from .work_order import WorkOrder

__all__ = [
    "AccessRequest",
    "AccountEvent",
    "Area",
    "Attachment",
    "CalendarChange",
    "CalendarDay",
    "Category",
    "Clock",
    "Event",
    "FailedLogins",
    "Lease",
    "PasswordLink",
    "Policy",
    "Reindexing",
    "SavedView",
    "StandardText",
    "StoredAnswer",
    "Unit",
    "User",
    "WorkOrder",
]
