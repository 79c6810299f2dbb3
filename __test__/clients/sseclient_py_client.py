"""https://pypi.org/project/sseclient-py/: events of a response of requests."""

import requests
import sseclient


def read(url, headers):
    with requests.get(url, headers={"Accept": "text/event-stream", **headers}, stream=True) as response:
        for event in sseclient.SSEClient(response).events():
            yield event.event, event.data, event.id
