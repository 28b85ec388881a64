from typing import Any

from django.contrib.auth.backends import ModelBackend

from workorders.models import User


class UnitBackend(ModelBackend):
    """Every request asks for the user's unit: one query brings both."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("unit").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
