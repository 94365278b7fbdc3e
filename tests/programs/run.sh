#!/bin/sh
# Runs the programs of programs.txt that were built into folder $1, each in an empty folder with the data it asks for.
# usage: run.sh BUILD-FOLDER [DATA-FOLDER]
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) || exit 2
data=${2:-${CN_DATA:-$here/../../../shared/data}}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

result() {    # name, verdict, text
    case $2 in ok) passed=$((passed + 1)) ;; skip) skipped=$((skipped + 1)) ;; *) failed=$((failed + 1)) ;; esac
    echo "$2 $1${3:+: $3}"
}

run_one() {   # name state words rest...
    name=$1 state=$2 words=$3
    shift 3
    dir=$work/$name args=''
    mkdir -p "$dir"
    for item; do
        case $item in
        arg:*)  args="$args ${item#arg:}" ;;
        made:*) [ -f "$work/${item#made:}" ] || (cd "$work" && "$build/program_prepare") || { result "$name" FAILED "prepare"; return; }
                ln -sf "$work/${item#made:}" "$dir/" ;;
        *)      [ -f "$data/$item" ] || { result "$name" skip "no $item in the data folder"; return; }
                ln -sf "$(cd "$(dirname "$data/$item")" && pwd)/$(basename "$item")" "$dir/" ;;
        esac
    done
    limit=300
    [ "$state" = part ] && limit=15
    (cd "$dir" && timeout $limit "$build/program_$name" $args > out 2> err)
    rc=$?
    [ -z "$words" ] || grep -q -F -e "$words" "$dir/out" || { result "$name" FAILED "status $rc, no \"$words\": $(head -c 300 "$dir/err")"; return; }
    case $state in
    run)   [ $rc = 0 ] && result "$name" ok || result "$name" FAILED "status $rc: $(head -c 300 "$dir/err")" ;;
    part)  [ $rc = 124 ] || [ $rc = 0 ] && result "$name" ok || result "$name" FAILED "status $rc: $(head -c 300 "$dir/err")" ;;
    esac
}

while IFS= read -r line; do
    case $line in '#'* | '') continue ;; esac
    eval "set -- $line"
    [ "$2" = waits ] && { shift; echo "waits $line"; continue; }
    run_one "$@"
done < "$here/programs.txt"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
