"""Taskyard: an auth service and a task service, each its own process behind one gateway."""

import os

# How many operations of MongoDB's driver, which are threads' work, can be under way at once. Motor reads it
# when it is imported (https://motor.readthedocs.io/en/stable/configuration.html); by itself it takes five for
# each processor, and writers, each of whom waits for a disk or for other members, wait for each other.
os.environ.setdefault("MOTOR_MAX_WORKERS", "40")
