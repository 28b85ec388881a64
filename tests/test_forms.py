"""What forms choose by themselves, ask for and say: nothing preselected, a redo in the complainant's words, labels and no codes."""

from collections.abc import Callable
from typing import Any

import pytest
from django import forms
from django.test import Client

from tests.roads import BAD, Road
from workorders.lifecycle import Role, Status
from workorders.models import WorkOrder
from workorders.refusals import Invalid
from workorders.transitions import STEPS, form_of, perform

# What is filled in on purpose: the order's own grade, and the way of a contact that the desk opens with the call.
MEANT = {("accept", "grade"), ("contact", "way")}


def form_for(road: Road, order: WorkOrder, step: str, **initial: Any) -> forms.Form:
    actor = road.cast.of(STEPS[step].roles[0])
    return form_of(step)(order=order, step=STEPS[step], actor=actor, initial=initial)


def lists_of(step: str) -> list[str]:
    fields = form_of(step).base_fields.items()
    return [
        name for name, field in fields if isinstance(field, forms.ChoiceField) and type(field.widget) is forms.Select
    ]


LISTS = [(step, name) for step in STEPS for name in lists_of(step) if (step, name) not in MEANT]


@pytest.mark.parametrize(("step", "name"), LISTS)
def test_no_list_of_a_step_has_anything_chosen_before_somebody_chooses(step: str, name: str, road: Road) -> None:
    form = form_for(road, road.register(), step)
    assert form[name].value() in (None, "")
    assert next(iter(form[name].subwidgets)).data["value"] == "", "a browser shows the first where none is chosen"


def test_what_is_not_chosen_is_refused_and_changes_nothing(road: Road) -> None:
    order = road.register()
    words = {"text": "请依诉讼程序解决，联系人民法院。", "code": ""}
    with pytest.raises(Invalid) as refused:
        perform(order.pk, "decline", actor=road.cast.of(Role.OPERATOR), now=road.now, **words)
    assert set(refused.value.fields) == {"code"}
    assert WorkOrder.objects.get(pk=order.pk).version == order.version


# A redo


@pytest.mark.parametrize("words", ["", "   ", "。。。", "\u200b\u200b", "-", "\u2800"])
def test_a_redo_without_the_complainants_words_is_refused_at_every_door(
    words: str, road: Road, as_: Callable[..., Client]
) -> None:
    order = road.to(Status.CALLBACK)
    sent = {**BAD, "words": words, "reason": "诉求人反映未解决"}
    with pytest.raises(Invalid) as refused:
        perform(order.pk, "rework", actor=road.cast.of(Role.CALLBACK_AGENT), now=road.now, **sent)
    assert set(refused.value.fields) == {"words"}
    client = as_(Role.CALLBACK_AGENT)
    for door in (f"/orders/{order.number}/steps/rework/", f"/callbacks/{order.number}/rework/"):
        page = client.post(door, {**sent, "next": "/callbacks/"})
        assert page.status_code == 400
        assert "id_words_error" in page.content.decode()
    order.refresh_from_db()
    assert (order.status, order.round) == (Status.CALLBACK, 1)


def test_a_redo_goes_out_with_what_the_complainant_says(road: Road) -> None:
    order = road.to(Status.CALLBACK)
    event = road.act(order, "rework", words="路灯昨晚又灭了", reason="诉求人反映：路灯昨晚又灭了")
    assert (event.data["words"], event.reason) == ("路灯昨晚又灭了", "诉求人反映：路灯昨晚又灭了")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_form_of_a_redo_makes_the_reason_of_the_words(language: str, road: Road, as_: Callable) -> None:
    order, client = road.to(Status.CALLBACK), as_(Role.CALLBACK_AGENT)
    client.post("/i18n/setlang/", {"language": language})
    page = client.get(f"/orders/{order.number}/steps/rework/").content.decode()
    says = {"zh-hans": "诉求人反映：", "en": "The complainant says: "}[language]
    assert f'data-into="reason" data-says="{says}"' in page


# A merge

LIKE = "幸福里小区北门烧烤摊油烟扰民，每天营业到凌晨"


@pytest.mark.usefixtures("no_statistics")
def test_a_merge_has_the_one_likely_parent_filled_in_and_named(recent: Road, as_: Callable) -> None:
    parent = recent.to(Status.ACCEPTED, matter=LIKE)
    order = recent.register(matter="北门烧烤摊油烟扰民，每天夜里营业到凌晨")
    for role in (Role.OPERATOR, Role.DISPATCHER):
        page = as_(role).get(f"/orders/{order.number}/steps/merge/").content.decode()
        assert f'value="{parent.spoken_number}"' in page
        assert f"“{parent.title}”" in page


@pytest.mark.usefixtures("no_statistics")
@pytest.mark.parametrize("parents", [0, 2])
def test_of_none_or_several_likely_parents_a_person_chooses(parents: int, recent: Road, as_: Callable) -> None:
    for _time in range(parents):
        recent.to(Status.ACCEPTED, matter=LIKE)
    order = recent.register(matter="北门烧烤摊油烟扰民，每天夜里营业到凌晨")
    form = form_for(recent, order, "merge")
    assert form["parent"].value() is None
    assert not form["parent"].help_text
    filled = form_for(recent, order, "merge", parent="2611280000011")
    assert filled["parent"].value() == "2611280000011", "what was chosen beside it stands"


# What is handed back


@pytest.mark.parametrize(("language", "yes"), [("zh-hans", "是"), ("en", "Yes")])
def test_a_stale_page_hands_back_labels_and_no_codes(language: str, yes: str, recent: Road, as_: Callable) -> None:
    order, client = recent.to(Status.ACCEPTED), as_(Role.DISPATCHER)
    client.post("/i18n/setlang/", {"language": language})
    recent.act(order, "dispatch")
    sent = {"lead": recent.lead.code, "instructions": "请核查", "copy_to_district": "on", "version": order.version}
    page = client.post(f"/orders/{order.number}/steps/dispatch/", sent)
    assert page.status_code == 409
    typed = dict(page.context["typed"])
    assert yes in typed.values()
    assert "on" not in typed.values()
    assert not {"copy_to_district", "instructions"} & set(typed)
    page = client.post(f"/orders/{order.number}/steps/regrade/", {"grade": "complex", "reason": "复杂", "version": 1})
    assert page.status_code == 409


def test_a_stale_form_of_choices_hands_back_what_was_chosen_in_words(recent: Road, as_: Callable) -> None:
    order, client = recent.register(), as_(Role.OPERATOR)
    recent.act(order, "accept")
    sent = {"missing": ["place", "telephone"], "reason": "请补充", "version": 1}
    typed = dict(client.post(f"/orders/{order.number}/steps/ask_correction/", sent).context["typed"])
    assert not any("place" in words for words in typed.values())
    sent = {"code": "legal_channel", "channel": "court", "text": "请向人民法院提起诉讼", "version": 1}
    typed = dict(client.post(f"/orders/{order.number}/steps/decline/", sent).context["typed"])
    assert "court" not in typed.values()
    assert "legal_channel" not in typed.values()


# Beside the form


@pytest.mark.parametrize(
    ("typed", "is_said"),
    [({}, False), ({"phone": "13800001234"}, False), ({"matter": "  "}, False), ({"matter": "路灯不亮"}, True)],
)
def test_nothing_similar_is_said_only_when_something_was_typed(
    typed: dict[str, str], is_said: bool, as_: Callable, db: None
) -> None:
    page = as_(Role.OPERATOR).post("/reception/beside/", typed).content.decode()
    assert ("暂无相似工单" in page) is is_said
    assert ("这里显示相似工单" in page) is not is_said


def test_a_refused_form_lists_what_is_wrong_with_the_way_to_each_field(recent: Road, as_: Callable) -> None:
    order, client = recent.register(), as_(Role.OPERATOR)
    page = client.post(f"/orders/{order.number}/steps/decline/", {"text": "短"}).content.decode()
    assert 'href="#id_code"' in page
    assert 'href="#id_text"' in page
    page = client.post("/reception/", {"act": "accept"}).content.decode()
    for field in ("matter", "category"):
        assert f'href="#id_{field}"' in page
