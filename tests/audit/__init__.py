"""`make audit`: a running cluster, looked at with tools that others wrote, in one table.

Each kind of check is a module with ``rows(site)``, which yields what came of it (report.Row). What a tool
printed is read by a small function of its module, and kept below .cache/audit/<environment>/. A tool that
crashed or printed nothing has found nothing out: its row is FAILED.
"""
