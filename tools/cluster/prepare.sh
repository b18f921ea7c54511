#!/bin/sh
# What the Vagrantfile runs before `vagrant up`, `reload` and `provision`.
#   tools/cluster/prepare.sh ENVIRONMENT PROVIDER
set -eu
cd "$(dirname "$0")/../.."
[ -e .venv/.complete ] || tools/venv.sh
exec .venv/bin/python -m tools.cluster prepare --env "$1" --provider "$2"
