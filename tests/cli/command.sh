#!/bin/sh
# The command as a user meets it: exit codes, messages, the object of --json. usage: command.sh CORNU
cornu=$1
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0 failed=0

check() {    # what, wanted exit code, words in its output, command ...
    what=$1 wanted=$2 words=$3
    shift 3
    "$@" > out 2>&1 < /dev/null
    rc=$?
    if [ $rc = "$wanted" ] && grep -qF -e "$words" out; then passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $what: exit $rc, wanted $wanted and \"$words\": $(head -c 400 out)"
    fi
}

# two classes told apart by a line, a column of words with gaps, a number to predict
awk 'BEGIN { print "height,colour,weight,kind"
             for (i = 0; i < 240; i++) { h = (i * 37) % 100 / 10; c = i % 7 == 0 ? "" : i % 2 ? "red" : "blue"
                 printf "%.1f,%s,%.2f,%s\n", h, c, 3 * h + (i % 5) / 10, (h > 5 ? "tall" : "small") } }' > table.csv
check "a table of two classes" 0 '"task": "binary"' "$cornu" train table.csv --target kind --json
line=$(tail -n 1 out)
for key in task inputs outputs parameters epochs seconds train validation loss accuracy; do
    case $line in *"\"$key\": "*) passed=$((passed + 1)) ;; *) failed=$((failed + 1)); echo "FAILED: no \"$key\" in $line" ;; esac
done
check "a number" 0 '"rmse": ' "$cornu" train table.csv --target weight --json --quiet --epochs 5
check "the same seed" 0 '"task"' "$cornu" train table.csv --target kind --json --quiet --epochs 3 --seed 4
sed 's/"seconds": [0-9.e-]*//' out > first
check "the same seed again" 0 '"task"' "$cornu" train table.csv --target kind --json --quiet --epochs 3 --seed 4
sed 's/"seconds": [0-9.e-]*//' out | cmp -s - first && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAILED: two runs differ"; }
check "a report" 0 '"task"' "$cornu" train table.csv --target kind --json --quiet --epochs 3 --report page.html
check "the report is a page with charts" 0 "<svg" cat page.html
check "sizing" 0 "One output with a sigmoid" "$cornu" size table.csv --target kind
check "lists" 0 "Dense" "$cornu" list layers
check "information" 0 "avx2" "$cornu" info
check "help" 0 "usage: cornu train" "$cornu" train --help
check "no such column" 1 "colour" "$cornu" train table.csv --target color
check "no such file" 1 "absent.csv" "$cornu" train absent.csv --target kind
check "no such option" 2 "--taget" "$cornu" train table.csv --taget kind
check "no such verb" 2 "trian" "$cornu" trian table.csv
check "no verb" 2 "usage" "$cornu"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
