"""Does an address answer with success?

    answers.py URL

Whose certificate it is does not matter here. Ends with status 1, and says why, when it does not.
"""

import ssl
import sys
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

TIMEOUT_SECONDS = 10

(url,) = sys.argv[1:]
anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
anybody.check_hostname = False
anybody.verify_mode = ssl.CERT_NONE
try:
    # No proxy, whatever the environment says.
    build_opener(ProxyHandler({}), HTTPSHandler(context=anybody)).open(url, timeout=TIMEOUT_SECONDS).close()
except OSError as error:
    sys.exit(f"{url} does not answer: {error}")
