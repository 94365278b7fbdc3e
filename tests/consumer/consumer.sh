#!/bin/sh
# Installs a build into an empty folder and builds users' programs from there: by find_package and by pkg-config, in C11 and C++17,
# with the shared and with the static library.
# usage: consumer.sh BUILD-FOLDER
set -e
here=$(cd "$(dirname "$0")" && pwd)
command -v g++ > /dev/null && command -v pkg-config > /dev/null || { echo "skipped: needs g++ and pkg-config"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
try() { echo "+ $*"; "$@"; }

cmake --install "$1" --prefix "$work/usr" > /dev/null
try cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/usr" > "$work/log" || { cat "$work/log"; exit 1; }
try cmake --build "$work/build" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for program in c_cornu c_static cxx_cornu cxx_static; do try "$work/build/$program"; done

lib=$(dirname "$(find "$work/usr" -name libcornu.so)")
export PKG_CONFIG_PATH="$lib/pkgconfig" LD_LIBRARY_PATH="$lib"
flags=$(pkg-config --cflags --libs cornu)
all=$(pkg-config --static --cflags --libs cornu)
try gcc -std=c11 "$here/consumer.c" $flags -o "$work/c"
try g++ -std=c++17 "$here/consumer.cpp" $flags -o "$work/cxx"
try gcc -std=c11 "$here/consumer.c" -Wl,-Bstatic $(echo "$all" | sed 's/-lcornu/-lcornu -Wl,-Bdynamic/') -o "$work/c_static"
for program in c cxx c_static; do try "$work/$program"; done

# What is exported is the public interface and nothing else; the shared library says which one it is.
readelf -d "$lib/libcornu.so" | grep -q 'SONAME.*libcornu\.so\.0\.1\]'
private=$(nm -D --defined-only "$lib/libcornu.so" | awk '$3 !~ /^cn_[a-z]/ { print $3 }')
[ -z "$private" ] || { echo "exported, but not public: $private"; exit 1; }
