# One image for all processes: the bots, the consumers and the migration.
# Build with `docker compose build`; compose.yaml says which command each service runs.

FROM python:3.11.14-slim-trixie AS build
WORKDIR /build
COPY requirements.txt ./
# requirements.txt pins everything, dependencies of dependencies included, so pip need not look for
# more (--no-deps) and `pip check` proves it. No compiler is here on purpose: wheels only. Nothing
# that runs needs pip or setuptools, so they end here.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --only-binary=:all: -r requirements.txt \
    && /opt/venv/bin/pip check \
    && /opt/venv/bin/pip uninstall --quiet --yes setuptools pip
WORKDIR /app
COPY LICENSE ./
COPY schemas ./schemas
COPY bus ./bus
COPY db ./db
COPY config ./config
COPY consumers ./consumers
COPY bots ./bots
COPY launch ./launch
# As pip has compiled the packages. A process may write nothing, so it would compile all of our
# modules again at each start.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app
# The files have the rights of the clone, which only their owner may read under a strict umask.
RUN chmod -R a+rX /app

FROM python:3.11.14-slim-trixie
# Python's images leave out the bytecode of the standard library. The modules that we import take
# half a second to compile. Left out here are packages that no process of ours imports.
RUN python -m compileall -q --invalidation-mode unchecked-hash \
    -x '(site|dist)-packages|ensurepip|idlelib|lib2to3|tkinter|turtledemo' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# Bytecode would be written at each start and thrown away; logs must not wait in a buffer.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that an orchestrator can see that it is not root. Python's image brings pip and setuptools, and a wheel
# that makes pip anew. Nothing that runs needs them; one step hides them all, so no layer has a copy more.
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin twinstream \
    && rm -rf $(python -c 'import sysconfig as s; print(s.get_path("purelib") + "/*", \
        s.get_path("scripts") + "/pip*", s.get_path("stdlib") + "/ensurepip")')
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app ./
USER 10001:10001
CMD ["python", "-m", "consumers"]
