from .attachment import Attachment
from .calendar_day import CalendarChange, CalendarDay
from .clock import Clock
from .event import Event
from .organisation import Area, Category, Unit, User
from .policy import Policy
from .stored_answer import StoredAnswer
from .work_order import WorkOrder

__all__ = [
    "Area",
    "Attachment",
    "CalendarChange",
    "CalendarDay",
    "Category",
    "Clock",
    "Event",
    "Policy",
    "StoredAnswer",
    "Unit",
    "User",
    "WorkOrder",
]
