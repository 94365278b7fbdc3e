#!/bin/sh
# Compiles each public header alone (C11 and C++17), the programs that are not waiting, and, one by one, the mistakes that must
# not compile (misuse.c). Uses gcc, and clang where there is one.
cd "$(dirname "$0")" || exit 1
include=../../include
W="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only -I$include"
C="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -c -o /dev/null -I$include"     # gcc sees a dropped status only then
compilers=gcc
command -v clang > /dev/null && compilers='gcc clang'
passed=0 failed=0
run() { if "$@"; then passed=$((passed + 1)); else echo "FAILED: $*"; failed=$((failed + 1)); fi; }
cxx() { case $1 in gcc) echo g++ ;; *) echo clang++ ;; esac; }
for h in $include/cornu.h $include/cornu/*.h; do
    for cc in $compilers; do
        run $cc -std=c11 $W -x c -include "$h" /dev/null
        run $(cxx $cc) -std=c++17 $W -x c++ -include "$h" /dev/null
    done
done
waiting=" $(sed -n 's/^\([0-9a-z_]*\) *waits .*/\1/p' programs.txt | tr '\n' ' ')"
for f in [0-9]*.c misuse.c; do
    case $waiting in *" ${f%.c} "*) continue ;; esac
    for cc in $compilers; do run $cc -std=c11 $W "$f"; done
done
for cc in $compilers; do run $(cxx $cc) -std=c++17 $W 18_embed.cpp; done
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    for cc in $compilers; do
        if $cc -std=c11 $C -DMISTAKE=$n misuse.c 2> /dev/null; then
            echo "FAILED: mistake $n compiles with $cc"
            failed=$((failed + 1))
        else
            passed=$((passed + 1))
        fi
    done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
