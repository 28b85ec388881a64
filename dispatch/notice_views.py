"""Messages 消息 of whoever is logged in: to read, to open, to mark as read."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from dispatch import notice_texts
from dispatch.models import Notice
from workorders.views.request import StaffRequest

PAGE = 25
COUNT_UP_TO = 99


@login_required
def notices(request: StaffRequest) -> HttpResponse:
    number = request.GET.get("page", "1")
    page = max(int(number), 1) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    mine = Notice.objects.of(request.user).to_read()
    found = list(mine[(page - 1) * PAGE : page * PAGE + 1])
    for notice in found:
        _say_again(notice)
    shown = {"notices": found[:PAGE], "page": page, "more": len(found) > PAGE, "unread": _unread(request)}
    return render(request, "dispatch/notices.html", shown)


def _say_again(notice: Notice) -> None:
    """What it said when it came, in the reader's language."""
    if notice.alert:
        text = notice_texts.read_now(notice.alert, notice.created_at)
        notice.subject, notice.body = text.subject, text.body


@login_required
def notice(request: StaffRequest, pk: int) -> HttpResponse:
    """Opening is reading."""
    mine = Notice.objects.of(request.user).filter(pk=pk)
    found = mine.first()
    if found is None:
        raise Http404
    mine.unread().update(read_at=timezone.now())
    return redirect(found.link or "notices")


@login_required
@require_POST
def read_all(request: StaffRequest) -> HttpResponse:
    """All up to the newest that the page showed: what came meanwhile was not read."""
    last = request.POST.get("last", "")
    if last.isascii() and last.isdigit():
        Notice.objects.of(request.user).unread().filter(pk__lte=int(last)).update(read_at=timezone.now())
    return redirect("notices")


def unread(request: StaffRequest) -> HttpResponse:
    """For the bell of an open page, again and again. When the session is over, it must not take away what is typed there."""
    if not request.user.is_authenticated:
        return HttpResponse(status=204)
    return render(request, "dispatch/_unread.html", {"unread": _unread(request)})


def _unread(request: StaffRequest) -> str:
    count = Notice.objects.of(request.user).unread().order_by()[: COUNT_UP_TO + 1].count()
    return f"{COUNT_UP_TO}+" if count > COUNT_UP_TO else str(count or "")
