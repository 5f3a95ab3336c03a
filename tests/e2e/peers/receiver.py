"""A headquarters: `receiver.py PORT SECRET LOG [STATUS [BODY]]`. Verifies each webhook's signature with the PyPI package
`standardwebhooks`, answers 204 (or STATUS with BODY), and appends what it got to LOG as JSON lines. A bad signature is answered 401.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


def main() -> None:
    port, secret, log = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    status = int(sys.argv[4]) if len(sys.argv) > 4 else 204
    body = sys.argv[5].encode() if len(sys.argv) > 5 else b""
    verifier = Webhook(secret)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = status
            try:
                verifier.verify(sent, headers)
            except WebhookVerificationError:
                answer = 401
            got = {"id": headers.get("webhook-id"), "verified": answer != 401, "event": json.loads(sent)}
            got["attempt"] = int(headers.get("x-cdg-attempt", 0))
            os.write(out, json.dumps(got).encode() + b"\n")
            self.send_response(answer)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()


if __name__ == "__main__":
    main()
