"""Orders brought to where a test needs them, by the steps that real people would do."""

from datetime import datetime, timedelta
from typing import Any

from config.cast import Cast
from intake.services import Voice, register
from workorders.lifecycle import Role, Status
from workorders.models import Area, Category, Event, Unit, WorkOrder

TEXT = {"text": "已与诉求人核实情况。"}
CONTACT = {"way": "phone", **TEXT}
RESULT = {"solved": "yes", "text": "已到现场核查并完成整改，后续加强巡查。"}
GOOD = {"reached": "yes", "contacted": "yes", "solved": "yes", "satisfied": "yes", "words": "很满意"}
BAD = {"contacted": "yes", "solved": "no", "satisfied": "no", "words": "没有解决"}

TO_HANDLING = ("accept", "dispatch", "sign")
TO_CALLBACK = (*TO_HANDLING, "contact", "report", "approve")
ROADS: dict[str, tuple[str, ...]] = {
    Status.REGISTERED: (),
    Status.INCOMPLETE: ("ask_correction",),
    Status.ACCEPTED: ("accept",),
    Status.CONSULTING: ("accept", "consult"),
    Status.DISPATCHED: ("accept", "dispatch"),
    Status.HANDLING: (*TO_HANDLING, "contact"),
    Status.SUSPENDED: (*TO_HANDLING, "contact", "suspend"),
    Status.REPORTED: (*TO_HANDLING, "contact", "report"),
    Status.CALLBACK: TO_CALLBACK,
    Status.CLOSED: (*TO_CALLBACK, "close"),
    Status.REVIEWING: (*TO_CALLBACK, "close", "object"),
    Status.ANSWERED: ("answer",),
    Status.DECLINED: ("decline",),
    Status.MERGED: ("merge",),
    Status.WITHDRAWN: ("withdraw",),
    Status.ARCHIVED: (*TO_CALLBACK, "close", "archive"),
}


class Road:
    """Registers orders and drives them, ten minutes a step."""

    def __init__(self, cast: Cast, start: datetime) -> None:
        self.cast, self.now = cast, start
        self.street = Area.objects.get(code="110105009")
        self.lead = Unit.objects.get(code="J110105009")
        self.co_unit = Unit.objects.get(code="Q110105")
        self.stranger = Unit.objects.get(code="J110101001")
        self.category = Category.objects.filter(grade="ordinary", children=None).order_by("path")[0]

    def register(self, **facts: Any) -> WorkOrder:
        voice = {
            "matter": "小区楼下夜间施工噪音扰民",
            "category": self.category,
            "area": self.street,
            "phone": "13800001234",
            "name": "王小明",
        }
        operator = self.cast.of(Role.OPERATOR)
        return register(Voice(**{**voice, **facts}), actor=operator, now=self.now)  # type: ignore[arg-type]

    def to(self, status: str, *, before_callback: str = "", **facts: Any) -> WorkOrder:
        """What `before_callback` decides is asked for while the unit is still at work."""
        order = self.register(**facts)
        for step in ROADS[status]:
            if step == "approve" and before_callback:
                self.ask_before(order, before_callback)
            self.act(order, step)
        assert order.status == status
        return order

    def act(self, order: WorkOrder, step: str, *, after: timedelta = timedelta(minutes=10), **data: Any) -> Event:
        self.now += after
        unit = self.co_unit if step.startswith("co_") or step == "opine" else None
        return self.cast.act(order, step, now=self.now, unit=unit, **{**self.needs(step, order), **data})

    def needs(self, step: str, order: WorkOrder) -> dict[str, Any]:
        """Valid input of a step."""
        units = {"lead": self.lead, "co_handling": [self.co_unit]}
        return {
            "ask_correction": {"reason": "请补充具体楼号", "missing": ["place"]},
            "correct": TEXT,
            "answer": TEXT,
            "accept": {"category": order.category, "area": order.area, "grade": order.grade},
            "decline": {
                "code": "legal_channel",
                "channel": "court",
                "text": "该事项已进入诉讼程序，请通过人民法院解决。",
            },
            "transfer": {
                "emergency_line": "119",
                "officer": "119 指挥中心 07 号",
                "text": TEXT["text"],
                "keep_grade": True,
            },
            "lapse_correction": {"reason": "逾期未补正"},
            "merge": {"parent": self.parent} if step == "merge" else {},
            "withdraw": {"reason": "诉求人主动撤回"},
            "consult": {"reason": "涉及多个部门职责", "participants": [self.lead, self.co_unit]},
            "dispatch": units,
            "designate": {"reason": "会商决定", **units},
            "opine": {"duty": "partly", "text": "噪音执法属我单位，施工许可不属。"},
            "end_meeting": {"reason": "会商未形成一致意见，按目录派单"},
            "regrade": {"reason": "情况比受理时复杂", "grade": "complex"},
            "recall": {"reason": "不属于该单位职责"},
            "contact": CONTACT,
            "progress": TEXT,
            "co_report": TEXT,
            "report": RESULT,
            "send_back": {"reason": "请补充处理依据"},
            "request_return": {"reason": "该点位不在我单位辖区", "code": "not_our_area"},
            "refuse_return": {"reason": "经核对，点位在贵单位辖区内"},
            "request_extension": {"reason": "需等待检测结果", "basis": "《行政处罚法》第六十条", "length": 5},
            "refuse_extension": {"reason": "期限足够，请抓紧办理"},
            "request_suspension": {"reason": "需待明年预算安排", "review_date": self.review_date},
            "refuse_suspension": {"reason": "具备解决条件"},
            "assign_down": {"lead": self.below} if step == "assign_down" else {},
            "hand_over": {"reason": "单位撤并", "lead": self.stranger},
            "replace_co_handling": {"reason": "单位撤并", "unit": self.co_unit},
            "urge": TEXT,
            "issue_slip": {"demand": "请立即办理并书面说明情况", "days": 2},
            "answer_slip": {"text": "已安排专人办理，明日完成。"},
            "reject_slip": {"reason": "未说明完成时限"},
            "raise_slip": {"reason": "情况紧急，提级督办"},
            "withdraw_slip": {"reason": "误发，该事项已由其他单位办结"},
            "suspend": {"reason": "受客观条件限制", "review_date": self.review_date},
            "attempt": {"why": "no_answer"},
            "close": GOOD,
            "rework": {"reason": "诉求人反映未解决", **BAD},
            "object": {"reason": "问题再次出现"},
            "uphold": {"reason": "复核认为应当重办"},
            "dismiss": {"reason": "复核维持原结果"},
            "note": TEXT,
            "reveal": {"reason": "回拨电话核实"},
        }.get(step, {})

    def ask_before(self, order: WorkOrder, step: str) -> None:
        """Let the unit ask for what this step decides, if it decides anything."""
        verb, _, kind = step.partition("_")
        if verb in ("grant", "refuse"):
            self.act(order, f"request_{kind}")
        if kind == "slip" and verb != "issue":
            self.slip(order, answered=verb in ("accept", "reject"))

    def slip(self, order: WorkOrder, *, answered: bool = False) -> None:
        """A slip is issued where one can be: before the callback."""
        self.act(order, "issue_slip")
        if answered:
            self.act(order, "answer_slip")

    @property
    def review_date(self) -> str:
        """One that lies ahead, whenever the road is."""
        return max("2026-12-01", (self.now + timedelta(days=30)).date().isoformat())

    @property
    def below(self) -> Unit:
        """A unit below the lead unit."""
        facts = {"name": "平安建设办公室", "kind": Unit.Kind.STREET, "parent": self.lead}
        return Unit.objects.get_or_create(code=f"{self.lead.code}01", defaults=facts)[0]

    @property
    def parent(self) -> WorkOrder:
        if not hasattr(self, "_parent"):
            self._parent = self.register(matter="同一事项的主单")
        return self._parent
