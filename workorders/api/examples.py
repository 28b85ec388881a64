"""Answers as they look, for the OpenAPI document; a test holds them against the shapes that it describes."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

ORDER = {
    "number": "2611220000427",
    "status": "dispatched",
    "version": 3,
    "round": 1,
    "kind": "complaint",
    "grade": "ordinary",
    "title": "小区楼下夜间施工",
    "matter": "小区楼下夜间施工，噪音扰民，连续三天。",
    "category": "020101",
    "area": "110105009",
    "address": "晨曦家园14号楼",
    "lead_unit": "J110105009",
    "registered_at": "2026-11-22T21:53:56+08:00",
    "ended_at": None,
    "is_history": False,
}
DUE = {"due_at": "2026-11-23T04:45:46+08:00", "updated_at": "2026-11-23T00:45:46+08:00"}
CLOCK = {
    "kind": "signing",
    "unit": "J110105009",
    "round": 1,
    "started_at": "2026-11-23T00:45:46+08:00",
    "due_at": "2026-11-23T04:45:46+08:00",
    "paused_at": None,
    "stopped_at": None,
    "outcome": "",
    "provisional": False,
}
SIGN = {
    "step": "sign",
    "label": "Sign",
    "url": "https://hotline.example.gov.cn/api/v1/workorders/2611220000427/sign/",
    "fields": [],
}
ASKED = {
    "channel": "app",
    "received_at": "2026-11-22T21:53:56+08:00",
    "complainant": {"name": "王**", "phone": "138****1234", "doubts": [], "anonymous": False, "relay": ""},
    "call_back_at": None,
    "green_channel": "",
    "home_visit": False,
}
DETAIL = {**ORDER, **DUE, "clocks": [CLOCK], "actions": [SIGN], "appeals": [ASKED], "meetings": []}
SIGNED = {
    "number": 4,
    "step": "sign",
    "source": "dispatched",
    "target": "handling",
    "round": 1,
    "unit": "J110105009",
    "actor": "System of the street",
    "at": "2026-11-23T01:37:57+08:00",
    "reason": "",
    "data": {},
    "previous_hash": "4449f155cacc245aacf13279fb388edd7bc46d39e1a5077701e152753f335dfa",
    "hash": "d757981ac82ee816cdee95e2d456c0a309628e9ccb14d5706acba9fe86074e1e",
}
DONE = {"event": SIGNED, "order": {**ORDER, "status": "handling", "version": 4}}
TOLD = {
    "cursor": "AAAAAAAADd8AAAAAAAAHEw",
    "order": "2611220000427",
    "version": 4,
    "step": "sign",
    "source": "dispatched",
    "target": "handling",
    "status": "handling",
    "round": 1,
    "at": "2026-11-22T17:37:57Z",
    "unit": "J110105009",
    "data": {},
}
FEED = {"results": [TOLD], "next": "AAAAAAAADeIAAAAAAAAAAA", "more": False}
HOOK = {
    "id": 7,
    "url": "https://oa.example.gov.cn/jiesu",
    "event_types": ["*"],
    "is_active": True,
    "notice": "",
    "notice_text": "",
    "switched_off_at": None,
    "failing_since": None,
    "previous_secret_until": None,
    "created_at": "2026-11-22T10:00:00+08:00",
}
DELIVERY = {
    "id": 4711,
    "message_id": "evt_AAAAAAAADd8AAAAAAAAHEw",
    "event": "AAAAAAAADd8AAAAAAAAHEw",
    "step": "sign",
    "order": "2611220000427",
    "status": "pending",
    "attempts": 1,
    "next_attempt_at": "2026-11-23T01:38:07+08:00",
    "last_code": 503,
    "last_error": "refused",
    "log": [{"at": "2026-11-23T01:38:02+08:00", "code": 503, "error": "refused", "ms": 41}],
    "created_at": "2026-11-23T01:38:01+08:00",
    "delivered_at": None,
}
PROGRESS = {
    "number": "2611220000427",
    "spoken_number": "261122-000042-7",
    "source_id": "app-20261122-0001",
    "title": "小区楼下夜间施工",
    "status": "registered",
    "status_label": "Registered, being accepted",
    "lead_unit": None,
    "received_at": "2026-11-22T21:53:56+08:00",
    "due_at": None,
    "ended_at": None,
    "answer": None,
    "stages": [{"status": "registered", "at": "2026-11-22T21:53:56+08:00"}],
}
POP = {
    "call_id": "pbx-7731",
    "caller": {"known": True, "name": "王**", "phone": "138****1234"},
    "history": {"total": 3, "open": 1, "recent": 2},
    "open_orders": [
        {name: ORDER[name] for name in ("number", "title", "status", "lead_unit", "registered_at")},
    ],
    "became": [],
}


def page(row: dict[str, Any]) -> dict[str, Any]:
    return {"results": [row], "next": None}


def answered(value: dict[str, Any], status: int = 200) -> OpenApiExample:
    return OpenApiExample(f"answer {status}", value, response_only=True, status_codes=[str(status)])
