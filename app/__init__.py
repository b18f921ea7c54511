"""Taskyard: an auth service and a task service, each its own process behind one gateway."""
