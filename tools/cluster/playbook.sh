#!/bin/bash
# The Vagrantfile's ansible-playbook: the one of .venv, with the connection settings that ansible.cfg and the
# inventory give it outside Vagrant too, and a note when it went through (the Vagrantfile reads it).
set -eu
cd "$(dirname "$0")/../.."
unset ANSIBLE_SSH_ARGS ANSIBLE_HOST_KEY_CHECKING
arguments=()
for argument in "$@"; do
  case $argument in
    --timeout=*) ;; # how long to wait is in ansible.cfg
    --inventory-file=*) arguments+=("--inventory=${argument#*=}") ;; # as old versions of Ansible spelt it
    *) arguments+=("$argument") ;;
  esac
done
.venv/bin/ansible-playbook "${arguments[@]}"
touch "${VAGRANT_DOTFILE_PATH:-.vagrant}/provisioned"
