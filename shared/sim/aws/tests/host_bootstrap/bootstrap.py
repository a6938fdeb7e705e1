#!/usr/bin/env python3
"""A function without a runtime library: it speaks the Runtime API itself and does what its event says."""

import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta

API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime"
kept = {}


def post(url, body):
    """Status and body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait(request_id, seconds):
    """On the virtual clock."""
    with urllib.request.urlopen(os.environ["CLOCK"] + "/now") as answer:
        now = json.load(answer)["now"]
    until = datetime.fromisoformat(now.replace("Z", "+00:00")) + timedelta(seconds=seconds)
    post(os.environ["CLOCK"] + "/wait", {"run": request_id, "until": until.isoformat()})


def get(url):
    """On a connection that is kept between invocations; what became of it."""
    target = urllib.parse.urlsplit(url)
    if url not in kept:
        kept[url] = http.client.HTTPConnection(target.hostname, target.port, timeout=0.5)
    try:
        kept[url].request("GET", target.path)
        return kept[url].getresponse().read().decode()
    except TimeoutError:
        kept.pop(url).close()
        return "no answer"


def handle(event, headers):
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    for line in event.get("print", []):
        print(line, flush=True)
    for line in event.get("partial", []):
        os.write(2, line.encode())
    if "wait" in event:
        wait(request_id, event["wait"])
    while event.get("spin"):
        wait(request_id, event["spin"])
    if "fail_until" in event:
        with open(event["fail_until"], "a+") as runs:
            runs.write("x")
            if runs.tell() < event["times"]:
                raise RuntimeError("not yet")
    if "exit" in event:
        os._exit(event["exit"])
    if "signal" in event:
        os.kill(os.getpid(), event["signal"])
    if event.get("hang"):
        time.sleep(3600)
    if "spawn" in event and os.fork() == 0:
        time.sleep(3600)
    if "raise" in event:
        raise RuntimeError(event["raise"])
    if "get" in event:
        return [get(event["get"]) for _ in range(event.get("times", 1))]
    if "misuse" in event:
        outcome = [post(API + path.format(id=request_id), {}) for path in event["misuse"]]
        return [[status, json.loads(body)["errorType"]] for status, body in outcome]
    if "large" in event:
        return "x" * event["large"]
    return {"event": event, "pid": os.getpid(), "headers": dict(headers), "environment": dict(os.environ)}


def main():
    print("initialising", flush=True)
    init = os.environ.get("INIT")
    if init == "exit":
        os._exit(7)
    if init == "error":
        post(API + "/init/error", {"errorType": "Init", "errorMessage": "no luck"})
        time.sleep(3600)
    while True:
        with urllib.request.urlopen(API + "/invocation/next") as answer:
            headers, body = answer.headers, answer.read()
        url = API + "/invocation/" + headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            post(url + "/response", handle(json.loads(body), headers))
        except RuntimeError as error:
            post(url + "/error", {"errorType": "Refused", "errorMessage": str(error)})


main()
