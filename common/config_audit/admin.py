"""The published changes in Django's admin: read and filter, nothing else."""

from common.outbox.admin import ReadOnlyAdmin


class ConfigChangeAdminMixin(ReadOnlyAdmin):
    """Mix into a ModelAdmin of the concrete table."""

    list_display = (
        "published_at",
        "data_id",
        "outcome",
        "setting",
        "old_value",
        "new_value",
        "reason",
        "operator",
        "address",
    )
    list_filter = ("outcome", "data_id", "setting", "operator")
    search_fields = ("setting", "operator", "address", "md5", "reason")
    date_hierarchy = "published_at"
    ordering = ("-id",)
    list_per_page = 50
