#!/bin/bash
# The Vagrantfile's ansible-playbook: the one of .venv, with the connection settings that ansible.cfg and the
# inventory give it outside Vagrant too, and a note when it went through (the Vagrantfile reads it).
set -eu
cd "$(dirname "$0")/../.."
unset ANSIBLE_SSH_ARGS ANSIBLE_HOST_KEY_CHECKING
# Vagrant spells the option as old versions of Ansible did.
.venv/bin/ansible-playbook "${@/#--inventory-file=/--inventory=}"
touch "${VAGRANT_DOTFILE_PATH:-.vagrant}/provisioned"
