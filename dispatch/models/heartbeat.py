from django.db import models


class Heartbeat(models.Model):
    """When something that runs by itself last came to its end. In the database: with Redis gone it tells the truth."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M:%S}"
