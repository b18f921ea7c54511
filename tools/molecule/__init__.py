"""Tests every role on machines of its own: `make molecule`."""
