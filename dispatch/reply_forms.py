"""The result of the handling: one text for API and ledger, a letter in sections for whoever writes it by hand."""

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatch import replies, reply_words
from workorders.forms import StepForm, text
from workorders.masking import masked
from workorders.models import Event

LONGEST = 10_000


class LetterInput(forms.Textarea):
    """A text area a section; what comes back is the letter. Who sends the whole text under its own name needs none."""

    template_name = "dispatch/_letter_input.html"
    about: Callable[[], dict[str, Any]] = staticmethod(dict)
    wrong: frozenset[str] = frozenset()

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        parts = {section: data.get(f"{name}_{section}") for section in replies.SECTIONS}
        if all(part is None for part in parts.values()):
            return data.get(name)
        return replies.compose({section: part or "" for section, part in parts.items()}, reply_words.headings())

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return not any(one in data for one in (name, *(f"{name}_{section}" for section in replies.SECTIONS)))

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        headings = reply_words.headings()
        parts = replies.apart(value or "", headings)
        context["sections"] = [
            {
                "name": section,
                "label": reply_words.LABELS[section],
                "heading": headings[section] if section in replies.HEADED else "",
                "text": parts.get(section, ""),
                "rows": 6 if section in ("investigation", "opinion") else 2,
                "wrong": section in self.wrong,
            }
            for section in replies.SECTIONS
        ]
        kinds = {"kinds": reply_words.ReplyKind.choices, "skeletons": json.dumps(reply_words.skeletons())}
        return {**context, **kinds, **self.about()}


class ResultForm(StepForm):
    text = text(
        gettext_lazy("Result"),
        limit=LONGEST,
        help_text=gettext_lazy("Findings, basis, what was done and what comes next"),
    )
    solved = forms.ChoiceField(
        label=gettext_lazy("Solved, as the unit sees it"),
        choices=[
            ("yes", gettext_lazy("Solved")),
            ("explained", gettext_lazy("Cannot be solved, explained")),
            ("partly", gettext_lazy("Partly solved")),
        ],
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.letter = LetterInput(attrs=self.fields["text"].widget.attrs)
        self.letter.about = self._about
        self.fields["text"].widget = self.letter
        self.initial.setdefault("text", self._begun)

    def clean_text(self) -> str:
        letter = self.cleaned_data["text"]
        left = replies.unfilled(letter, reply_words.headings(), [masked(self.order.title)])
        self.letter.wrong = frozenset(section for section, _found in left)
        forbidden = replies.words_in(letter, self.order.policy.rules.forbidden_words)
        problems = [_unfilled(section, found) for section, found in left] + [_forbidden(word) for word in forbidden]
        if problems:
            raise ValidationError(problems, code="letter")
        return letter

    def _begun(self) -> str:
        """Who has to write it again goes on from what was sent back."""
        last = last_result(self.order)
        return last.data["text"] if last else reply_words.begun(self.order, self.actor, self.now)

    def _about(self) -> dict[str, Any]:
        kind = reply_words.KIND_OF[self.order.kind]
        return {"kind": kind, "sent_back": sent_back(self.order)}


def last_result(order: Any) -> Event | None:
    """The last result of this round, sent back or not."""
    found = [event for event in order.events.all() if event.step == "report" and event.round == order.round]
    return max(found, key=lambda event: event.number, default=None)


def sent_back(order: Any) -> Event | None:
    """Why the leader sent the last result back, while nobody has answered it by another."""
    asked = [
        event for event in order.events.all() if event.round == order.round and event.step in ("report", "send_back")
    ]
    last = max(asked, key=lambda event: event.number, default=None)
    return last if last and last.step == "send_back" else None


def _unfilled(section: str, found: str) -> str:
    if not section:
        return _("“%(found)s” was left to be filled in.") % {"found": found}
    place = reply_words.LABELS[section]
    return _("%(place)s: “%(found)s” was left to be filled in.") % {"place": place, "found": found}


def _forbidden(word: str) -> str:
    return _("“%(word)s” may not stand in a reply.") % {"word": word}
