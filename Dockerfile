# docker build -t stargan .                                                                     (CPU)
# docker build -t stargan --build-arg TORCH=https://download.pytorch.org/whl/cu130 .             (CUDA: run with --gpus all)
# mkdir -p out    (Docker would make it as root's)
# docker run --rm --init --user "$(id -u):$(id -g)" -v "$PWD/photos:/photos" -v "$PWD/out:/out" stargan translate /photos --set blond --out /out
FROM python:3.12-slim

ARG TORCH=https://download.pytorch.org/whl/cpu

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY stargan_cli stargan_cli
COPY weights weights
COPY examples examples
RUN pip install --no-cache-dir --extra-index-url "$TORCH" . && useradd --create-home --uid 1000 stargan

ENV XDG_CACHE_HOME=/tmp
USER 1000
WORKDIR /home/stargan
ENTRYPOINT ["stargan"]
