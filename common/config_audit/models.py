"""The table of published changes, abstract: each service makes it concrete in its own migrations.

`class OrderConfigChange(ConfigChangeBase): class Meta(ConfigChangeBase.Meta): db_table = …` keeps index and
constraint. Writing it is `common.config_audit.note`; nothing ever changes or deletes a row.
"""

from django.db import models

from common import clock
from common.ids import new_id


class ConfigChangeBase(models.Model):
    """One setting of one publication that was accepted; or a whole one that was refused (`setting` is "").

    `sequence` counts the publications of a document, `line` the settings in one.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    data_id = models.CharField(max_length=60)
    sequence = models.PositiveIntegerField()
    line = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=10, choices=[("accepted", "accepted"), ("refused", "refused")])
    setting = models.CharField(max_length=60, blank=True, default="")
    old_value = models.TextField(blank=True, default="", help_text="empty: the document did not name it")
    new_value = models.TextField(blank=True, default="", help_text="empty: the document names it no more")
    reason = models.TextField(blank=True, default="")
    operator = models.CharField(max_length=128, blank=True, default="", help_text="empty: Nacos does not say")
    address = models.CharField(max_length=64, blank=True, default="")
    md5 = models.CharField(max_length=32)
    published_at = models.DateTimeField()
    noted_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True
        ordering = ["-id"]
        indexes = [models.Index(fields=["published_at"], name="%(app_label)s_config_when")]
        constraints = [
            # of two workers that note the same publication one is refused
            models.UniqueConstraint(fields=["data_id", "sequence", "line"], name="%(app_label)s_config_once")
        ]

    def __str__(self) -> str:
        return f"{self.data_id} {self.setting or 'document'} {self.outcome}"
