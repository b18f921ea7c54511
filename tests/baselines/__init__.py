"""DevSec's baselines for Linux, sshd and Nginx as questions to a machine, by the ids of their controls.

``linux.rows(machine)``, ``ssh.rows(machine)`` and ``nginx.rows(machine)`` take a testinfra Host (root's) and
yield a row for each control: passed, failed with what was found, or waived with the reason why that stays.
The controls are those of https://github.com/dev-sec: linux-baseline, ssh-baseline and nginx-baseline.
"""
