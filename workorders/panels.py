"""What later stages add to the console without being imported: panels of the order's page, menu entries and banners."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise

from workorders import health, selectors
from workorders.lifecycle import Role


@dataclass(frozen=True)
class Panel:
    """`select(order, user)` gives the template's context, or none where the panel has nothing to show."""

    title: Promise
    template: str
    select: Callable[[Any, Any], dict[str, Any] | None]


@dataclass(frozen=True)
class MenuEntry:
    """`badge` is a fragment beside the label, asked for by an open page again and again: the page itself does not wait."""

    label: Promise
    url_name: str
    icon: str
    roles: tuple[str, ...] = ()
    badge: str = ""


@dataclass(frozen=True)
class Above:
    """What stands above every page, of the console and of the administration, for the users that `applies` names.

    `switches` is the template of its settings in the user's own menu.
    """

    template: str
    applies: Callable[[Any], bool]
    switches: str = ""


_panels: list[Panel] = []
_above: list[Above] = []
_entries: list[MenuEntry] = []
_banners: dict[Callable[[datetime], str | None], tuple[str, ...]] = {}


def add_panel(panel: Panel) -> None:
    if panel not in _panels:
        _panels.append(panel)


def add_entry(entry: MenuEntry) -> None:
    if entry not in _entries:
        _entries.append(entry)


def add_above(part: Above) -> None:
    if part not in _above:
        _above.append(part)


def add_banner(banner: Callable[[datetime], str | None], *roles: str) -> None:
    """`banner(now)` gives what people of these roles have to see at once on every page, or none."""
    _banners[banner] = roles


def banners_of(user: Any, now: datetime) -> list[str]:
    return [text for banner, roles in _banners.items() if user.has_role(*roles) and (text := banner(now))]


def panels_of(order: Any, user: Any) -> list[dict[str, Any]]:
    found = ((panel, panel.select(order, user)) for panel in _panels)
    return [{"title": panel.title, "template": panel.template, **context} for panel, context in found if context]


def entries_of(user: Any) -> list[MenuEntry]:
    return [entry for entry in _entries if not entry.roles or user.has_role(*entry.roles)]


def menu(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the entries this user's roles open, and what the administrator has to see at once."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    year = health.unannounced_year(timezone.localdate()) if user.has_role(Role.ADMINISTRATOR) else None
    # What has to be asked for is fetched by the page, again and again: it may change while the page is open.
    watches = any(user.has_role(*roles) for roles in _banners.values())
    return {
        "menu": entries_of(user),
        "above": [part for part in _above if part.applies(user)],
        "unannounced_year": year,
        "watches": watches,
        "has_work": selectors.has_work(user),
    }
