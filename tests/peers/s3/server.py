"""An S3 server for tests: moto's, on a free port of loopback, with one bucket named on the command line.

Writes its address on the first line of stdout once it answers. What is stored goes with the process: small objects are in
memory, larger ones in files of TMPDIR without a name. Any keys do: signatures are not looked at.
"""

import logging
import sys
import threading
from http.client import HTTPConnection

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)


def main() -> None:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = HTTPConnection("127.0.0.1", server.server_port)
    made.request("PUT", f"/{sys.argv[1]}")
    if made.getresponse().status != 200:
        raise SystemExit(f"the bucket {sys.argv[1]} could not be made")
    made.close()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    threading.Event().wait()


main()
