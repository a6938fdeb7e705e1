#!/usr/bin/env python3
"""The peer of scripts/bench: a Lambda function in Python that does before its first event what a trading function of its kind does.

It imports boto3 and requests, makes the clients it will trade with, reads its environment, and then asks the Runtime API for events.
It answers each with its own name and does nothing else. Started by the same host as our function, in turns with it.
"""

import http.client
import json
import os
import sys

import boto3
import requests

API = "/2018-06-01/runtime/invocation"


def settings():
    """What an account's function reads from its environment."""
    names = ("GAMMA_ACCOUNT", "GAMMA_TABLE", "GAMMA_DRY_RUN", "GAMMA_SCHWAB_URL", "GAMMA_GAMMAWIZARD_URL")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        sys.exit(f"environment: missing {', '.join(missing)}")
    return {name: os.environ[name] for name in names}


def main():
    environment = settings()
    clients = boto3.client("ssm"), boto3.client("dynamodb"), requests.Session()
    assert len(environment) == 5 and all(clients)
    runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        runtime.request("GET", f"{API}/next")
        event = runtime.getresponse()
        event.read()
        request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
        runtime.request("POST", f"{API}/{request_id}/response", json.dumps({"peer": "python"}))
        runtime.getresponse().read()


if __name__ == "__main__":
    main()
