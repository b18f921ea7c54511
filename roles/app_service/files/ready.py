"""Ask instances whether they are ready, and know the keys that they should.

    ready.py ADDRESS KEY SIGNING_KEY PORT...

A key that is empty is not asked for. Prints `unready 8002: why` for each that is not, and `asked` at the end.
"""

import json
import sys
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

TIMEOUT_SECONDS = 5


def reason(address, port, key, signing_key):
    """Why an instance is not ready; empty when it is."""
    try:
        opener = build_opener(ProxyHandler({}))  # whatever the environment says of proxies
        with opener.open(f"http://{address}:{port}/readyz", timeout=TIMEOUT_SECONDS) as answer:
            said = json.load(answer)
    except HTTPError as error:
        return f"it says {error.code}: {error.read(500).decode(errors='replace')}"
    except (OSError, ValueError) as error:
        return f"it gives no answer ({error})"
    if key and key not in said.get("keys", []):
        return f"it does not take the key {key} yet"
    if signing_key and signing_key != said.get("signing_key"):
        return f"it does not sign with {signing_key} yet"
    return ""


where, wanted, wanted_to_sign, *ports = sys.argv[1:]
for each in ports:
    why = reason(where, each, wanted, wanted_to_sign)
    if why:
        print(f"unready {each}: {why}")
print("asked")
