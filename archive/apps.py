from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ArchiveConfig(AppConfig):
    name = "archive"
    verbose_name = _("Archive")

    def ready(self) -> None:
        from archive import panels, records
        from workorders import stages

        stages.step("archive", record=records.seal)
        panels.add()
