"""Querysets whose SQL is written once, for the few lists that everybody reads all the time.

Room: Django. To have Django write a statement costs more than to read a page of ten rows. The queryset stays
what defines the statement; here is kept what it came to, to be run again with other values in their places.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, UUIDField

_UUIDS = UUIDField()


class Statement:
    """`queryset`, built with `stand_ins` where the values of each run belong.

    A stand-in is a value that occurs nowhere else in the queryset; ValueError when it is not found.
    `queryset` names its columns by `values()` and takes its window by a slice.
    """

    def __init__(self, queryset: QuerySet[Any], stand_ins: Sequence[Any]) -> None:
        compiler = queryset.query.get_compiler(connection=connection)
        self._sql, parameters = compiler.as_sql()
        self._parameters = list(parameters)
        self._places = [self._parameters.index(_adapted(value)) for value in stand_ins]
        self._names = (*queryset.query.values_select, *queryset.query.annotation_select)
        columns = compiler.get_converters([column for column, *_ in compiler.select])
        self._converters = [(place, *how) for place, how in columns.items()]

    def rows(self, *values: Any) -> list[dict[str, Any]]:
        """Run it: what `queryset` would answer with `values` instead of the stand-ins."""
        parameters = list(self._parameters)
        for place, value in zip(self._places, values, strict=True):
            parameters[place] = _adapted(value)
        with connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            found = cursor.fetchall()
        return [self._row(row) for row in found]

    def _row(self, row: Sequence[Any]) -> dict[str, Any]:
        cells = list(row)
        for place, converters, expression in self._converters:
            for convert in converters:
                cells[place] = convert(cells[place], expression, connection)
        return dict(zip(self._names, cells, strict=True))


def _adapted(value: Any) -> Any:
    """As a parameter of this database."""
    return _UUIDS.get_db_prep_value(value, connection) if isinstance(value, UUID) else value
