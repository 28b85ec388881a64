"""What can become of an order in the demo. A fate that is `hurried` stands at its last step when the story ends."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone

from config.lives import REDO, Life, Times
from intake.triage_forms import DEMANDED
from workorders.lifecycle import Grade
from workorders.models import Unit, WorkOrder

DAYS = (Grade.ORDINARY, Grade.COMPLEX)
OFTEN = (*DAYS, Grade.UTILITY)


class Fate(Life):
    """`needs` is the part that a matter must have, `grades` are those it may have."""

    needs: ClassVar[str] = ""
    grades: ClassVar[tuple[Grade, ...]] = tuple(Grade)

    @classmethod
    def fits(cls, grade: str, matter: Mapping[str, Any]) -> bool:
        special = {"knowledge", "decline"} & set(matter)
        return grade in cls.grades and (cls.needs in matter if cls.needs else not special)


# Ended at reception


class Answered(Fate):
    needs = "knowledge"

    def road(self) -> Times:
        yield self.after((2, 14))
        self.act("answer", text=self.matter.texts["knowledge"])


class Declined(Fate):
    needs = "decline"

    def road(self) -> Times:
        yield self.after((2, 9))
        texts = self.matter.texts
        self.act("decline", code=texts["decline"], text=texts["decline_reply"], **self.demanded(texts))

    def demanded(self, texts: Mapping[str, Any]) -> dict[str, Any]:
        """What the branch of Art. 11 demands; an order that is in handling already is the one before this."""
        demanded = DEMANDED.get(texts["decline"])
        if demanded == "about":
            return {"about": WorkOrder.objects.exclude(pk=self.order.pk).latest("pk")}
        return {demanded: texts["decline_more"]} if demanded else {}


class Merged(Fate):
    """The same matter a second time. Its parent was there before it, and goes its own way."""

    grades = DAYS
    parent: Life

    def road(self) -> Times:
        yield self.after((5, 80))
        self.act("merge", parent=self.parent.order)


class Withdrawn(Fate):
    grades = DAYS

    def road(self) -> Times:
        yield from self.chance.choice([self.accepted, self.dispatched, self.in_handling])()
        yield self.after((30, 900))
        self.act("withdraw", reason=self.word("withdraw_reasons"))


# To the end


class Finished(Fate):
    def road(self) -> Times:
        yield from self.in_handling()
        yield from self.approved()
        yield from self.closed()


class Late(Finished):
    """Signed or reported after the limit."""

    RESULTS: ClassVar[dict[str, tuple[int, int]]] = {
        Grade.EMERGENCY: (125, 300),
        Grade.UTILITY: (1500, 2600),
        Grade.ORDINARY: (52, 84),
        Grade.COMPLEX: (108, 150),
    }

    def road(self) -> Times:
        self.pace = replace(self.pace, result=self.RESULTS[self.matter.category.grade])
        if self.happens(0.4):
            _least, most = self.pace.sign
            self.pace = replace(self.pace, sign=(most * 5 // 4 + 10, most * 3))
        yield from super().road()


class Reworked(Finished):
    grades = OFTEN

    def closed(self) -> Times:
        yield self.call_time()
        words = self.word("complainant_words_dissatisfied")
        self.act("rework", reason=self.matter.texts["dissatisfied"], words=words, **REDO)
        yield from self.contacted()
        yield from self.approved(again=True)
        yield from super().closed()


class Objected(Finished):
    """Closed, contested, and decided by the supervisor: some are handled again."""

    grades = DAYS

    def road(self) -> Times:
        yield from super().road()
        yield from self.contested()
        yield self.at_work((5, 20))
        if self.happens(0.6):
            self.act("dismiss", reason=self.word("dismiss"))
            return
        self.act("uphold", reason=self.word("uphold"))
        yield from self.contacted()
        yield from self.approved(again=True)
        yield from self.closed()

    def contested(self) -> Times:
        yield self.after((600, 5000))
        self.act("object", reason=self.word("review_reasons"))


class Recalled(Finished):
    """Sent to a wrong unit first."""

    grades = DAYS

    def dispatched(self) -> Times:
        yield from self.accepted()
        yield self.after(self.pace.dispatch)
        departments = Unit.objects.filter(kind=Unit.Kind.DEPARTMENT).exclude(sector=self.matter.category.sector)
        self.act("dispatch", lead=self.chance.choice(departments.order_by("code")), co_handling=[])
        yield self.after((40, 200))
        self.act("recall", reason=self.word("return_reasons"))
        yield self.after(self.pace.dispatch)
        self.send("dispatch", instructions=self.word("instructions"))


class Consulted(Finished):
    """Nobody's at first sight: a joint meeting names the unit."""

    grades = (Grade.COMPLEX,)

    def dispatched(self) -> Times:
        yield from self.consulted()
        yield self.at_work((2, 5))
        self.send("designate", reason=self.word("consult_opinions"))

    def consulted(self) -> Times:
        yield from self.accepted()
        yield self.after(self.pace.dispatch)
        units = Unit.objects.filter(kind=Unit.Kind.DISTRICT, area__code__in=self.matter.area.chain())
        sector = Unit.objects.filter(sector=self.matter.category.sector)
        self.act("consult", reason=self.word("consult"), participants=[*units, *sector])


class Resumed(Finished):
    grades = DAYS

    def in_handling(self) -> Times:
        yield from super().in_handling()
        yield from self.put_off()
        yield self.at_work((30, 70))
        self.act("resume")

    def put_off(self) -> Times:
        yield self.at_work((4, 14))
        review = timezone.localdate(self.at) + timedelta(days=self.chance.randint(20, 120))
        self.act("suspend", reason=self.word("suspend_reasons"), review_date=review)


# As things stand today


class Waiting(Fate):
    grades = OFTEN


class Incomplete(Fate):
    hurried, needs = True, "missing"

    def road(self) -> Times:
        yield from self.asked()


class Accepted(Fate):
    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.accepted()


class Consulting(Consulted):
    hurried = True

    def road(self) -> Times:
        yield from self.consulted()
        for opinion in self.order.meetings.get().opinions.select_related("unit")[: self.chance.randint(0, 1)]:
            yield self.after((60, 400))
            self.act("opine", unit=opinion.unit, duty="partly", text=self.word("meeting_opinions"))


class Dispatched(Fate):
    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.dispatched()


class Handling(Fate):
    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.in_handling()
        if self.happens(0.3):
            yield self.at_work((2, 7))
            self.act("progress", text=self.matter.texts["progress"], **self.photo(0.3))
        if self.happens(0.15):
            yield self.after((60, 900))
            self.act("note", text=self.word("note"))


class AskingReturn(Fate):
    """Not ours, says the unit; the dispatcher has not decided yet."""

    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.dispatched()
        yield self.after((20, 90))
        self.act("request_return", code="not_our_area", reason=self.word("return_reasons"))


class AskingTime(Fate):
    """More time, or none before something else has happened."""

    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.in_handling()
        yield self.at_work((1, 4))
        if self.happens(0.6):
            reasons, bases = self.world.words["extension_reasons"], self.world.words["extension_bases"]
            reason, basis = self.chance.choice(list(zip(reasons, bases, strict=True)))
            self.act("request_extension", length=3, basis=basis, reason=reason)
        else:
            review = timezone.localdate(self.world.now) + timedelta(days=self.chance.randint(20, 120))
            self.act("request_suspension", reason=self.word("suspend_reasons"), review_date=review)


class Supervised(Fate):
    """Pressed for, and a supervisor wants to know why it takes so long."""

    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.in_handling()
        yield self.at_work((6, 14))
        self.act("urge", text=self.word("urge"))
        yield self.at_work((2, 6))
        self.act("issue_slip", demand=self.word("slip_demand"))
        if self.happens(0.75):
            yield self.at_work((3, 9))
            self.act("answer_slip", text=self.word("slip_answer"))
        if self.happens(0.5) and self.order.slips.filter(status="answered").exists():
            yield self.at_work((1, 4))
            self.act("accept_slip", reason=self.word("slip_decision"))


class Emergency(Fate):
    """Running at this moment: some are on the way, some on the spot."""

    hurried, grades = True, (Grade.EMERGENCY,)

    def road(self) -> Times:
        yield from self.chance.choice([self.signed, self.in_handling])()


class Uncontacted(Fate):
    """Signed, and nobody has called the complainant yet."""

    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.signed()


class Suspended(Resumed):
    hurried = True

    def road(self) -> Times:
        yield from Fate.in_handling(self)
        yield from self.put_off()


class Reported(Fate):
    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.in_handling()
        yield from self.reported()


class AwaitingCallback(Fate):
    hurried, grades = True, DAYS

    def road(self) -> Times:
        yield from self.in_handling()
        yield from self.approved()
        if self.happens(0.3):
            yield self.call_time()
            self.act("attempt", why=self.word("why_no_answer"))


class Reviewing(Objected):
    hurried = True

    def road(self) -> Times:
        yield from Finished.road(self)
        yield from self.contested()
