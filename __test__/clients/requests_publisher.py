"""Publishes with requests: `python requests_publisher.py <url> <token> <json>`. It prints the answer."""

import json
import sys

import requests

url, token, body = sys.argv[1:]
answer = requests.post(url, json=json.loads(body), headers={"Authorization": f"Bearer {token}"})
print(answer.text)
sys.exit(0 if answer.ok else 1)
