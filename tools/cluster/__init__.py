"""The machines of a cluster on this computer: `python -m tools.cluster up | down | status`."""
