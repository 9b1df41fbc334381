"""Requests to a daemon's API on loopback."""

import http.client
import json

from daemon_process import SECONDS

SERVICES, DRAINS = "/api/v1/services", "/api/v1/drains"
# What a connection ends with when the daemon does.
ENDS = (ConnectionError, http.client.HTTPException, TimeoutError)


class Reply:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        # The status line is the answer: what is cut off behind it does not take it back.
        try:
            self.text = response.read().decode()
        except ENDS:
            self.text = ""

    def json(self):
        return json.loads(self.text)


class ApiClient:
    """One connection, which is made when it is needed."""

    def __init__(self, port, timeout=SECONDS):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, method, target, document=None, headers=()):
        sent = dict(headers)
        if document is not None:
            sent["Content-Type"] = "application/json"
            document = json.dumps(document)
        self.connection.request(method, target, document, sent)
        return Reply(self.connection.getresponse())
