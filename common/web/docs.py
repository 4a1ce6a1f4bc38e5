"""The API description and Swagger UI, served from this machine alone (no CDN)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView


class SchemaView(SpectacularAPIView):
    """The OpenAPI description of this service; not part of itself."""

    authentication_classes: Any = []
    permission_classes: Any = []


class SwaggerView(SpectacularSwaggerView):
    """Swagger UI over the description, from drf-spectacular-sidecar."""

    authentication_classes: Any = []
    permission_classes: Any = []
