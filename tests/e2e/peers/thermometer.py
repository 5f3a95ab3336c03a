"""A thermometer with a web server: `thermometer.py PORT VALUES LOG`. Answers GET with the JSON that stands in the file
VALUES, and appends one byte to LOG for each request.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main() -> None:
    port, values, log = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])

    class Thermometer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = values.read_bytes()
            with log.open("ab") as file:
                file.write(b".")
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Thermometer).serve_forever()


if __name__ == "__main__":
    main()
