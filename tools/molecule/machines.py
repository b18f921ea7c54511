"""A scenario's machines: containers with systemd in a network of their own, which know each other by name.

The scenarios' playbooks call this, with the variables that `make molecule` sets:
python -m tools.molecule.machines create NAME ...
python -m tools.molecule.machines destroy NAME ...
"""

import os
import sys

from tools.cluster.shell import StopError, output
from tools.molecule import engine


def main() -> int:
    """Make or remove what the arguments name; the exit code is 1 when that can't be done."""
    action, *names = sys.argv[1:]
    network, image = (os.environ[f"MOLECULE_{name}"] for name in ("PREFIX", "IMAGE"))
    try:
        engine.remove(names, [network])
        if action == "create":
            output(engine.podman("network", "create", network))
            for name in names:
                engine.start(name, image, name, [network])
    except StopError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
