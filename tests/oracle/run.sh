#!/bin/sh
# The oracle stage: real Keras opens what the library saved, and the other way round. Keras comes from PyPI into an environment of
# its own (ORACLE=FOLDER: one that is there already); where PyPI cannot be reached the stage is skipped.
# usage: run.sh BUILD-FOLDER
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd) || exit 2
oracle=${ORACLE:-$build/oracle}
. "$here/../../cmake/need.sh"
need python3:python3 /usr/lib/python3/dist-packages/pip:python3-pip /usr/share/doc/python3-venv:python3-venv
if [ ! -x "$oracle/bin/python" ] || ! "$oracle/bin/python" -c 'import keras, jax, h5py' 2> /dev/null; then
    python3 -m venv "$oracle" && "$oracle/bin/pip" install -q --disable-pip-version-check keras==3.15.1 jax h5py ml_dtypes > "$build/oracle.log" 2>&1 || {
        echo "skipped: Keras could not be installed from PyPI; $build/oracle.log says why"
        exit 77
    }
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
export KERAS_BACKEND=jax TF_CPP_MIN_LOG_LEVEL=3 COLUMNS=200
passed=0 failed=0
count() { if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $*"; fi; }
count "$build/tests/oracle_models" make "$work"
"$oracle/bin/python" "$here/open.py" "$work" > "$work/log" 2>&1 || failed=$((failed + 1))
grep -v Warning "$work/log"
passed=$((passed + $(sed -nE '$s/^([0-9]+) passed.*/\1/p' "$work/log")))
count "$build/tests/oracle_models" check "$work"
mkdir "$work/files"                          # HDF5, zip and npz files of all forms, for h5py and NumPy to read
for test in formats_hdf5_write formats_zip_write; do CN_KEEP="$work/files" "$build/tests/test_$test" > "$work/log" 2>&1 || cat "$work/log"; done
count "$oracle/bin/python" "$here/h5_files.py" "$work/files"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
