"""Publishes with httpx: `python httpx_publisher.py <url> <token> <json>`. It prints the answer."""

import sys

import httpx

url, token, body = sys.argv[1:]
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
answer = httpx.post(url, content=body, headers=headers)
print(answer.text)
sys.exit(0 if answer.is_success else 1)
