"""`/sim/faults/` of each neighbour: list, arm, clear."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from config.web import Refused, View, answer, body_of, by_method
from faults.kinds import KINDS
from faults.switchboard import fault_arm, fault_clear, fault_list, present


def fault_urls(*targets: str) -> list[URLPattern]:
    """The switch board of one port; it can only arm its own targets. The first one is the default."""
    return [
        path("sim/faults/", by_method(GET=_lister(targets), POST=_armer(targets), DELETE=_clearer(targets))),
        path("sim/faults/<int:fault_id>/", by_method(DELETE=_clearer(targets))),
    ]


def _lister(targets: tuple[str, ...]) -> View:
    def view(request: HttpRequest) -> HttpResponse:
        return answer({"faults": fault_list(targets), "kinds": {name: KINDS[name] for name in targets}})

    return view


def _armer(targets: tuple[str, ...]) -> View:
    def view(request: HttpRequest) -> HttpResponse:
        given = {"target": targets[0], "kind": ""} | body_of(request)
        if given["target"] not in targets:
            raise Refused(f"this port has the targets {', '.join(targets)}")
        try:
            return answer(present(fault_arm(**given)), status=201)
        except (TypeError, ValueError) as wrong:
            raise Refused(str(wrong)) from wrong

    return view


def _clearer(targets: tuple[str, ...]) -> View:
    def view(request: HttpRequest, fault_id: int | None = None) -> HttpResponse:
        return answer({"cleared": fault_clear(targets, fault_id)})

    return view
