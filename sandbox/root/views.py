"""RootService's page and the two answers behind it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.web import answer
from root.configuration import configuration
from root.probes import probe_all


def page(request: HttpRequest) -> HttpResponse:
    """Works without JavaScript; with it the lights are refreshed every few seconds."""
    return render(request, "root/page.html", {"services": probe_all(), "configuration": configuration()})


def services(request: HttpRequest) -> HttpResponse:
    return answer({"services": probe_all()})


def configured(request: HttpRequest) -> HttpResponse:
    return answer({"configuration": configuration()})
