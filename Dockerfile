# The programs on CPUs: docker build -t lth_keras . (see docs/releasing.md)
FROM python:3.12-slim AS build
WORKDIR /source
COPY setup.py pyproject.toml constraints.txt README.md LICENSE ./
COPY lth_keras lth_keras
COPY examples/flags examples/flags
ENV PIP_CONSTRAINT=/source/constraints.txt PIP_BUILD_CONSTRAINT=/source/constraints.txt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/lth && /opt/lth/bin/pip install '.[examples,litert]'

FROM python:3.12-slim
COPY --from=build /opt/lth /opt/lth
ENV PATH=/opt/lth/bin:$PATH TF_CPP_MIN_LOG_LEVEL=2
# Run directories belong to whoever starts the container, not to root.
RUN useradd --create-home lth && mkdir /runs && chown lth /runs
USER lth
WORKDIR /runs
CMD ["lth-search", "--help"]
