# need.sh: need WHAT-SHOWS-IT:PACKAGE ... installs the Debian packages of what is not there: a command, or a file or folder by its path.
need() {
    missing=
    for item; do
        thing=${item%%:*} package=${item#*:}
        case $thing in
            /*) [ -e "$thing" ] || missing="$missing $package" ;;
            *) command -v "$thing" > /dev/null || missing="$missing $package" ;;
        esac
    done
    [ -z "$missing" ] && return
    root=
    [ "$(id -u)" = 0 ] || root=sudo
    echo "installing$missing"
    # shellcheck disable=SC2086
    $root apt-get update -qq > /dev/null && DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends \
        $missing > /dev/null || { echo "these packages are needed and could not be installed:$missing" >&2; exit 1; }
}
jobs=$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 1)
building="gcc:gcc /usr/include/stdio.h:libc6-dev cmake:cmake make:make /usr/include/zlib.h:zlib1g-dev /usr/include/jansson.h:libjansson-dev
          pkg-config:pkg-config"
