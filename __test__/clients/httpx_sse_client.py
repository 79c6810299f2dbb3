"""https://pypi.org/project/httpx-sse/: events of a response of httpx."""

import httpx
from httpx_sse import connect_sse

http = httpx.Client(timeout=None)


def read(url, headers):
    with connect_sse(http, "GET", url, headers=headers) as source:
        for event in source.iter_sse():
            yield event.event, event.data, event.id
