#!/usr/bin/env bash
# All that is measured on a GPU, in one run: bash benchmarks/gpu.sh [CLONE_OF_YUNJEYS_STARGAN]
# Each script prints its results and adds them to benchmarks/history.jsonl. The first four take about three minutes;
# memory takes the longest. COMPILE=1 measures compiled networks too, which takes minutes more.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH=$PWD
reference=${1:+--reference $1}
compile=${COMPILE:+--compile}
train='python benchmarks/train.py --steps 20 --warm-up 2 --repeats 3 --precisions auto'
set -x
python -m pytest -q tests/test_captured.py tests/test_lanes.py tests/train/learning/test_captured_training.py \
    tests/translate/test_captured_translation.py || echo "TESTS FAILED: see above"
# shellcheck disable=SC2086
{
    $train $reference --profile
    $train --batch-size 64 --planes $compile
    $train --batch-size 64 --preset fast
    python benchmarks/translate.py --precisions auto --count 512 --repeats 3 $reference $compile
    python benchmarks/folders.py $compile
    python benchmarks/memory.py --counts 500 20000
}
