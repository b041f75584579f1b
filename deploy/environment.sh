#!/bin/sh
# Makes or renews .venv from the hash-pinned requirements, or pins them anew; called by the Makefile.
#   sh deploy/environment.sh runtime | development | pins
# PYTHON names the interpreter to use; else the first of the usual names that is new enough.
# VENV names another folder for the environment.
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}

say() { printf '%s\n' "$*" >&2; }

stop() {
    say "$*"
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

can_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

apt_install() {
    say "Installing $1, which Python needs to make environments …"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "$1"; } >/dev/null || stop "apt could not install $1; see above."
}

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if new_enough "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

choose_python() {
    find_python && return
    if [ -z "${PYTHON:-}" ] && can_install; then
        apt_install python3-venv
        find_python && return
    fi
    stop "Kith needs Python 3.11 or newer, and there is none here." \
        "Install it (Debian 12: sudo apt install python3-venv)," \
        "or name one: make PYTHON=/path/to/python3.11 …"
}

# Debian keeps the part of Python that makes environments in a package of its own.
need_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    can_install || stop "This Python cannot make environments yet: install its package $package" \
        "(sudo apt install $package), then run make again."
    apt_install "$package"
}

version_of() {
    "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null
}

# One that was copied from another folder would run that folder's code.
is_ours() {
    here=$("$venv/bin/python" -c 'import sys; print(sys.prefix)' 2>/dev/null) || return 1
    [ "$here" = "$(cd "$venv" && pwd -P)" ] && new_enough "$venv/bin/python" &&
        head -n 3 "$venv/bin/pip" 2>/dev/null | grep -qF "$here/"
}

is_asked_for() {
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of "$venv/bin/python")" ]
}

make_environment() {
    is_ours && is_asked_for && return
    python=$(choose_python)
    need_venv_module "$python"
    say "Making the environment in $venv with $("$python" --version) …"
    "$python" -m venv --clear "$venv" || stop "The environment could not be made; see above."
}

pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check "$@"
}

install() {
    say "Installing the pinned packages of deploy/$1 …"
    pip install --quiet --require-hashes -r "deploy/$1"
    pip install --quiet --no-deps --no-build-isolation -e .
}

pin() {
    "$venv/bin/python" -m uv pip compile --quiet --universal --python-version 3.11 --upgrade \
        --generate-hashes --no-header --no-annotate "$@"
}

case ${1:-} in
runtime)
    make_environment
    install requirements.txt
    touch "$venv/.runtime"
    ;;
development)
    make_environment
    install requirements-dev.txt
    touch "$venv/.runtime" "$venv/.development"
    ;;
pins)
    make_environment
    pip install --quiet --upgrade uv
    pin deploy/requirements.in -o deploy/requirements.txt
    pin deploy/requirements-dev.in -c deploy/requirements.txt -o deploy/requirements-dev.txt
    pip uninstall --quiet --yes uv
    say "Pinned anew: look at the difference, then run make test."
    ;;
*)
    stop "Use: sh deploy/environment.sh runtime | development | pins"
    ;;
esac
