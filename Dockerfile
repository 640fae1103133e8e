FROM python:3.12-slim

WORKDIR /app

# The pinned dependencies first: they change less often than the program.
COPY requirements.lock .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY pyproject.toml README.md ./
COPY registry_auth registry_auth
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps . && rm -rf /app/*

# Named volumes take owner and mode from these directories. The public one is apart, so that the registry can be given it alone, and so is
# what the dependency proxy's nginx is given.
RUN mkdir -m 700 /data /keys /keys/private /keys/dependency-proxy && mkdir -m 755 /keys/public && chmod 755 /keys \
    && chown -R 10001:10001 /data /keys

USER 10001:10001
ENV REGISTRY_AUTH_DATABASE_URL=sqlite:////data/registry-auth.db \
    REGISTRY_AUTH_KEYS_DIR=/keys \
    PYTHONUNBUFFERED=1
EXPOSE 5001
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=6 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5001/-/readiness', timeout=4)"]
CMD ["registry-auth", "serve", "--host", "0.0.0.0"]
