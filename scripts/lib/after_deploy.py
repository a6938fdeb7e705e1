"""After a deployment: every account's function is invoked for a dry run, and must answer.

What it may answer depends on the day (the market is closed, the feed has no row of today yet), so any answer is a good one that says how
the run ended; a Lambda error is not. That the functions are dry or live, and the schedules on or off, as was asked is looked at too: a
deployment leaves alone what the template says no differently than before, also where somebody has switched it since.
"""

import argparse
import json
import sys

import boto3
from botocore.config import Config

ACCOUNTS = ("schwab", "tt-ira", "tt-individual")


def problem(client, function, account, expect_dry_run):
    """What is wrong with a function, or None; what it said goes to the screen."""
    mode = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"].get("GAMMA_DRY_RUN")
    if expect_dry_run not in (None, mode):
        return f"GAMMA_DRY_RUN: got {mode}, expected {expect_dry_run}"
    answer = client.invoke(FunctionName=function, Payload=json.dumps({"account": account, "dry_run": True}))
    told = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        return f"{told.get('errorType')}: {told.get('errorMessage')} (docs/runbook.md says what to do)"
    if not isinstance(told, dict) or "outcome" not in told or told.get("dry_run") is not True:
        return f"got an answer without an outcome, or not of a dry run: {json.dumps(told)[:200]}"
    print(f"  {account:<14} {'dry' if mode == 'true' else 'LIVE':<5} {told['outcome']:<16} {told.get('detail', '')}")
    return None


def schedules_otherwise(client, group, expected):
    """The schedules that are not as was asked."""
    found = client.get_paginator("list_schedules").paginate(GroupName=group).build_full_result()["Schedules"]
    return [f"{one['Name']}: got {one['State']}, expected {expected}; `gamma schedules` switches it" for one in found if one["State"] != expected]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--stack", default="gamma-trading")
    arguments.add_argument("--schedule-prefix", default="gamma-cs")
    arguments.add_argument("--expect-dry-run", choices=("true", "false"))
    arguments.add_argument("--expect-schedules", choices=("ENABLED", "DISABLED"))
    given = arguments.parse_args()
    # A dry run may take a while; it is never sent twice.
    client = boto3.client("lambda", config=Config(read_timeout=330, retries={"total_max_attempts": 1}))
    print(f"dry runs of stack {given.stack}:")
    problems = []
    for account in ACCOUNTS:
        function = f"{given.stack}-trade-{account}"
        found = problem(client, function, account, given.expect_dry_run)
        if found:
            problems.append(f"{function}: {found}")
    if given.expect_schedules:
        problems += schedules_otherwise(boto3.client("scheduler"), given.schedule_prefix, given.expect_schedules)
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
