"""One armed fault: which neighbour, which operation, for whom, what goes wrong and how many more times."""

from django.db import models


class Fault(models.Model):
    target = models.CharField(max_length=16)
    operation = models.CharField(max_length=64, blank=True, help_text="empty: any")
    subject = models.CharField(max_length=64, blank=True, help_text="a trade or product number; empty: any")
    kind = models.CharField(max_length=32)
    parameters = models.JSONField(default=dict)
    remaining = models.IntegerField(null=True, help_text="null: until cleared")
    probability = models.FloatField(default=1.0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "fault"
        indexes = [models.Index(fields=["target"], name="fault_target")]

    @property
    def is_after(self) -> bool:
        """The effect happens first, then the answer is spoiled: the caller can't know."""
        return self.parameters.get("when") == "after"

    def seconds(self, default: float) -> float:
        return float(self.parameters.get("seconds", default))
