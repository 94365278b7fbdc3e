#!/bin/sh
# Runs every harness of this folder for some seconds under libFuzzer, ASan and UBSan, from the golden files as seeds.
# usage: run.sh [SECONDS [NAME]]      what crashed lies in build-fuzz/crashes
cd "$(dirname "$0")/../.." || exit 2
seconds=${1:-60}
. cmake/need.sh
need $building clang:clang unzip:unzip
cmake -B build-fuzz -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-g -O2" -DCN_FUZZ=ON -DCN_SANITIZE=fuzzer-no-link,address,undefined > /dev/null &&
    cmake --build build-fuzz -j "$jobs" --target fuzz > build-fuzz/build.log 2>&1 || { tail -30 build-fuzz/build.log; exit 1; }
seeds=build-fuzz/seeds
mkdir -p $seeds build-fuzz/crashes build-fuzz/found
unzip -qo tests/golden/keras_layers.zip '*_0.keras' -d $seeds
for file in $seeds/*.keras; do
    unzip -qo "$file" config.json model.weights.h5 -d "${file%.keras}" && rm -f "$file.json" "$file.h5" &&
        mv "${file%.keras}/config.json" "$file.json" && mv "${file%.keras}/model.weights.h5" "$file.h5" && rmdir "${file%.keras}"
done
unzip -qo tests/golden/h5.zip '*.h5' -d $seeds
unzip -qo tests/golden/old_keras_1.zip '*.h5' -d $seeds
find tests/golden/models -type f -exec cp {} $seeds ';' 2> /dev/null
run() {    # one harness
    name=$(basename "$1" .c)
    mkdir -p "build-fuzz/found/$name"
    if build-fuzz/tests/fuzz_"$name" "build-fuzz/found/$name" $seeds -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=65536 \
        -artifact_prefix="build-fuzz/crashes/$name-" > "build-fuzz/$name.log" 2>&1; then echo "ok $name: $(grep -c . "build-fuzz/$name.log") lines"
    else
        echo "FAILED $name"
        grep -E 'ERROR|SUMMARY|#[0-9] ' "build-fuzz/$name.log" | head -12
    fi
}
for harness in tests/fuzz/${2:-*}.c; do run "$harness" & done > build-fuzz/result.log 2>&1
wait
cat build-fuzz/result.log
passed=$(grep -c ^ok build-fuzz/result.log) failed=$(grep -c ^FAILED build-fuzz/result.log)
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
