"""A client that never stops asking: as a gateway does, it asks the next instance when one does not answer.

asking.py RESULT PATH TOKEN PORT...    until it is told to end (SIGTERM); RESULT is then a JSON document.
"""

import http.client
import itertools
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path

result, path, token, *ports = sys.argv[1:]
answers: Counter[str] = Counter()
passed_on = 0
lost: list[tuple[float, int | None]] = []
ending: list[bool] = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(True))


def ask(port: str) -> int | None:
    """The status, or None when nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    else:
        return answer.status
    finally:
        connection.close()


for first in itertools.cycle(range(len(ports))):
    if ending:
        break
    for port in ports[first:] + ports[:first]:
        status = ask(port)
        if status is not None:
            break
        passed_on += 1
    if status == 200:
        answers[port] += 1
    else:
        lost.append((time.time(), status))
    time.sleep(0.01)

Path(result).write_text(json.dumps({"answers": answers, "passed_on": passed_on, "lost": lost}))
