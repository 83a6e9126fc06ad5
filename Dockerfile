# docker build .                    the platform's image: Airflow, its providers and our code (plugins/ and sdk/triton as wheels).
# docker build --target standins .  the same, with what stands in for Snowflake and Google Sheets. Local runs only.
# docker build --target feature-server .  the feature server alone, without Airflow.
#
# DAGs and include/ are not in it: they come by Airflow's git bundle. docs/DOCKER.md says what can be set, and how to
# build behind a proxy or without the internet.

# Debian or a derivative, with Python 3.11 as python3, its venv module and apt.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS base
# git and ssh fetch the DAG bundle; tini ends what a task leaves behind and passes signals on.
# hadolint ignore=DL3008 (the base image says which Debian; its security updates are wanted)
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client tini tzdata \
    && rm -rf /var/lib/apt/lists/*


FROM base AS uv
ARG UV_VERSION=0.13.9
# A package index of your own. One that asks for a password: put that into the build secret `netrc`.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_PROGRESS=1 \
    UV_PYTHON_DOWNLOADS=never
# The certificate of a proxy that opens TLS, if there is one, is trusted in the building stages alone.
RUN --mount=type=secret,id=ca,target=/usr/local/share/ca-certificates/site.crt update-ca-certificates
RUN --mount=type=secret,id=netrc,target=/root/.netrc \
    python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir "uv==${UV_VERSION}"
ENV PATH=/opt/uv/bin:${PATH}
WORKDIR /build


FROM uv AS dependencies
COPY requirements.txt ./
# The lock and nothing else, from wheels: no compiler is needed, and no package's setup code runs.
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=netrc,target=/root/.netrc \
    uv venv --python python3 /opt/venv \
    && uv pip sync --python /opt/venv --only-binary :all: requirements.txt


FROM uv AS wheel
COPY requirements.txt pyproject.toml README.md ./
COPY plugins plugins
COPY sdk/triton sdk/triton
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=netrc,target=/root/.netrc \
    uv build --wheel --build-constraints requirements.txt --out-dir /dist . \
    && uv build --wheel --build-constraints requirements.txt --out-dir /dist sdk/triton


FROM uv AS standins-dependencies
COPY requirements-standins.txt ./
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=netrc,target=/root/.netrc \
    uv venv --python python3 /opt/standins \
    && uv pip sync --python /opt/standins --only-binary :all: --require-hashes requirements-standins.txt


FROM uv AS feature-server-dependencies
COPY requirements-feature-server.txt ./
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=netrc,target=/root/.netrc \
    uv venv --python python3 /opt/venv \
    && uv pip sync --python /opt/venv --only-binary :all: --require-hashes requirements-feature-server.txt


FROM base AS runtime
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="drivetrain" \
      org.opencontainers.image.description="Airflow with Drivetrain's hooks, operators and triggers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
ENV AIRFLOW_HOME=/opt/airflow \
    LANG=C.UTF-8 \
    PATH=/opt/venv/bin:${PATH} \
    PYTHONUNBUFFERED=1
# The user and group that Airflow's Helm chart runs containers as. Its folders are open to the group, which is the only
# thing that a cluster which picks a random user leaves alone. Volumes take over who owns the folder below them.
RUN useradd --uid 50000 --gid 0 --home-dir /opt/airflow --no-create-home airflow \
    && mkdir -p /opt/airflow/logs /etc/drivetrain /var/lib/drivetrain/bundles /var/lib/drivetrain/git \
       /var/lib/drivetrain/lineage /var/lib/drivetrain/sheets \
    && chown -R 50000:0 /opt/airflow /etc/drivetrain /var/lib/drivetrain \
    && chmod -R g=u /opt/airflow /etc/drivetrain /var/lib/drivetrain
COPY --from=dependencies /opt/venv /opt/venv
# Above the dependencies' layer, so that a change of our code is a layer of some hundred kB and not of gigabytes.
RUN --mount=type=bind,from=uv,source=/opt/uv/bin/uv,target=/run/uv \
    --mount=type=bind,from=wheel,source=/dist,target=/run/dist \
    /run/uv pip install --python /opt/venv --no-deps --offline --no-cache --compile-bytecode /run/dist/*.whl \
    && /run/uv pip check --python /opt/venv
COPY k8s/compose/health.py /opt/drivetrain/health.py
COPY k8s/compose/liveness.py /opt/drivetrain/liveness.py
USER 50000:0
WORKDIR /opt/airflow
EXPOSE 8080
# Kubernetes has its own probes; the other parts' checks are in docker-compose.yaml.
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s --retries=4 \
    CMD ["python", "-I", "-S", "/opt/drivetrain/health.py", "api-server"]
ENTRYPOINT ["tini", "--"]
CMD ["airflow", "api-server"]


FROM ${BASE_IMAGE} AS feature-server
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="drivetrain-feature-server" \
      org.opencontainers.image.description="Drivetrain's feature server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
ENV LANG=C.UTF-8 \
    PATH=/opt/venv/bin:${PATH} \
    PYTHONPATH=/opt/drivetrain \
    PYTHONUNBUFFERED=1
# hadolint ignore=DL3008 (the base image says which Debian; its security updates are wanted)
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tini \
    && rm -rf /var/lib/apt/lists/*
COPY --from=feature-server-dependencies /opt/venv /opt/venv
COPY plugins/drivetrain /opt/drivetrain/drivetrain
COPY services /opt/drivetrain/services
# Compiled here once: a container's root is read-only.
RUN python -m compileall -q /opt/drivetrain
USER 50000:0
WORKDIR /opt/drivetrain
EXPOSE 6566
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:6566/health', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "services.feature_server", "--host", "0.0.0.0"]


FROM runtime AS standins
USER 0:0
RUN mkdir -p /run/postgres-password /var/lib/drivetrain/snowflake \
    && chown 50000:0 /run/postgres-password /var/lib/drivetrain/snowflake
COPY --from=standins-dependencies /opt/standins /opt/standins
COPY k8s/compose/settings.py /opt/drivetrain/settings.py
COPY standins /opt/drivetrain/standins
ENV PYTHONPATH=/opt/drivetrain
USER 50000:0
HEALTHCHECK NONE
CMD ["python", "-m", "standins", "--help"]


# The last stage is what `docker build .` makes.
FROM runtime AS airflow
