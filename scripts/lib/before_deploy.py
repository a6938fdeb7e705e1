"""Before a deployment: a stack that is there already must be one of ours, or the deployment would take another system apart."""

import argparse
import sys

import boto3
from botocore.exceptions import ClientError


def verdict(client, stack):
    """None where the stack may be deployed to, else what is wrong."""
    try:
        status = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    if status == "REVIEW_IN_PROGRESS":
        return None
    resources = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    ours = {resource["LogicalResourceId"] for page in resources for resource in page["StackResourceSummaries"]}
    if "Ledger" in ours:
        return None
    return f"stack {stack}: it is there and is not one of gamma-trading's (it has no Ledger); give ours another name with GAMMA_STACK"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--stack", required=True)
    wrong = verdict(boto3.client("cloudformation"), arguments.parse_args().stack)
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
