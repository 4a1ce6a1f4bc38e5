# syntax=docker/dockerfile:1
# One file, four images: docker build --target order|payment|notification|sandbox .
# Debian 12, whose client library speaks to MySQL 8 and MariaDB without asking for a certificate first.

# ---- what every image runs on
FROM python:3.11.14-slim-bookworm AS runtime
# A pinned Debian package disappears from the mirrors with its next security fix; the base image's tag is the pin.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libmariadb3 tini \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 cfmp \
    && useradd --uid 10001 --gid cfmp --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cfmp \
    && install -d -o cfmp -g cfmp -m 0700 /run/cfmp
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CFMP_VAR_DIR=/run/cfmp \
    SERVICE_HOST=0.0.0.0

# ---- the compiler stays here
FROM runtime AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential libmariadb-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements/ requirements/
RUN python -m venv /opt/venv

FROM build AS packages
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/root/.cache/pip python -m pip install --disable-pip-version-check --require-hashes \
    -r requirements/base.txt -r requirements/nacos.txt

FROM packages AS service-packages
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/root/.cache/pip python -m pip install --disable-pip-version-check --require-hashes \
    -r requirements/mysql.txt

FROM packages AS sandbox-packages
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/root/.cache/pip python -m pip install --disable-pip-version-check --require-hashes \
    -r requirements/embedded.txt

# ---- what the three services share. `python -m pip inspect` in the image lists what is installed; the lock files lie beside the code.
FROM runtime AS service
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="order suite" \
      org.opencontainers.image.description="Orders, payments and notifications for Chinese-market shops" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/MephistophelesChen/CFMP-order" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=service-packages /opt/venv /opt/venv
COPY requirements/base.txt requirements/mysql.txt requirements/nacos.txt /app/requirements/
COPY common/ /app/common/
COPY deploy/healthcheck.py /app/deploy/healthcheck.py
ENV CFMP_MODE=production
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 CMD ["python", "/app/deploy/healthcheck.py"]
ENTRYPOINT ["tini", "--", "python", "-m", "common.launcher"]
CMD ["web"]

FROM service AS order
COPY order-service/ /app/order-service/
WORKDIR /app/order-service
RUN python -m compileall -q /app && install -d -o cfmp -g cfmp logs
ENV SERVICE_PORT=8001
EXPOSE 8001
USER 10001:10001

FROM service AS payment
COPY payment-service/ /app/payment-service/
WORKDIR /app/payment-service
RUN python -m compileall -q /app && install -d -o cfmp -g cfmp logs
ENV SERVICE_PORT=8002
EXPOSE 8002
USER 10001:10001

FROM service AS notification
COPY notification-service/ /app/notification-service/
WORKDIR /app/notification-service
RUN python -m compileall -q /app && install -d -o cfmp -g cfmp logs
ENV SERVICE_PORT=8003
EXPOSE 8003
USER 10001:10001

# ---- the outside world for a development run: users, goods, Alipay. It refuses production mode, so it stays embedded here.
FROM runtime AS sandbox
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="order suite: sandbox" \
      org.opencontainers.image.description="UserService, ProductService, RootService and an Alipay simulator for development" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/MephistophelesChen/CFMP-order" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=sandbox-packages /opt/venv /opt/venv
COPY requirements/base.txt requirements/embedded.txt requirements/nacos.txt /app/requirements/
COPY common/ /app/common/
COPY deploy/healthcheck.py /app/deploy/healthcheck.py
COPY deploy/nacos/ /app/deploy/nacos/
COPY sandbox/ /app/sandbox/
WORKDIR /app/sandbox
RUN python -m compileall -q /app && install -d -o cfmp -g cfmp -m 0700 /var/lib/cfmp
ENV CFMP_MODE=embedded \
    CFMP_VAR_DIR=/var/lib/cfmp \
    SANDBOX_HOST=0.0.0.0 \
    HEALTH_URL=http://127.0.0.1:8004/health
EXPOSE 8004 8005 8006 8007 8090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 CMD ["python", "/app/deploy/healthcheck.py"]
USER 10001:10001
ENTRYPOINT ["tini", "--"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "config.wsgi:application"]
