"""The ledger's table: it must outlive every mistake about the stack."""

from . import rule


@rule
def the_ledger_is_never_lost(subject):
    tables = subject.live.of_type("AWS::DynamoDB::Table")
    if len(tables) != 1:
        yield f"{len(tables)} tables, expected one"
    for table in tables:
        said = table.properties
        if said.get("DeletionProtectionEnabled") is not True:
            yield f"{table.logical}: may be deleted"
        if said.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
            yield f"{table.logical}: cannot be taken back to an earlier time"
        if (table.whole.get("DeletionPolicy"), table.whole.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
            yield f"{table.logical}: goes with the stack, or with a change of its key; expected Retain twice"
        if said.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{table.logical}: billed {said.get('BillingMode')!r}, expected PAY_PER_REQUEST: a throttled write is a lost minute"


@rule
def the_ledger_has_the_keys_that_the_code_writes(subject):
    key, schema = subject.text("shared/cloud/src/ledger/key.rs"), subject.text("shared/cloud/src/ledger/schema.rs")
    for table in subject.live.of_type("AWS::DynamoDB::Table"):
        said = table.properties
        if said.get("KeySchema") != [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]:
            yield f"{table.logical}: keys {said.get('KeySchema')}, expected pk and sk"
        for part in said.get("KeySchema", []):
            if f'part("{part["AttributeName"]}")' not in key:
                yield f"{table.logical}: the code has no key {part['AttributeName']}"
        ttl = said.get("TimeToLiveSpecification", {})
        if ttl.get("Enabled") is not True or f'attribute_name("{ttl.get("AttributeName")}").enabled(true)' not in schema:
            yield f"{table.logical}: forgets by {ttl}, expected the attribute that leases and locks carry"


@rule
def dead_letters_are_kept_as_long_as_can_be(subject):
    for queue in subject.live.of_type("AWS::SQS::Queue"):
        if queue.properties.get("MessageRetentionPeriod") != 1209600:
            yield f"{queue.logical}: kept {queue.properties.get('MessageRetentionPeriod')!r} s, expected fourteen days"
        if queue.properties.get("SqsManagedSseEnabled") is not True:
            yield f"{queue.logical}: not encrypted"
