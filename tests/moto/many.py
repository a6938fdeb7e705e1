"""A moto server with transactions whose cost does not grow with the table.

Before a transaction moto copies the whole table, once for each item of the transaction, to be able to go back. With hundreds of accounts
in one table that takes seconds of every write, which the real service does not take. Here only the partitions are kept that the
transaction names, and put back when it fails.
"""

import copy
import sys

from moto.dynamodb import models
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.server import main


class WholeTableStays:
    """In place of the module `copy`: a table is not copied."""

    def __getattr__(self, name):
        return getattr(copy, name)

    @staticmethod
    def deepcopy(value, *rest):
        return value if isinstance(value, Table) else copy.deepcopy(value, *rest)


def partitions(backend, transact_items):
    """Each partition the transaction names: its table and hash key."""
    for item in transact_items:
        operation = next(iter(item.values()))
        table = backend.tables.get(operation.get("TableName"))
        key = (operation.get("Key") or operation.get("Item") or {}).get(table.hash_key_attr) if table else None
        if key is not None:
            yield table, DynamoType(key)


def transact_write_items(backend, transact_items):
    kept = [(table, key, copy.deepcopy(table.items.get(key))) for table, key in partitions(backend, transact_items)]
    try:
        return transact(backend, transact_items)
    except Exception:
        for table, key, before in kept:
            if before is None:
                table.items.pop(key, None)
            else:
                table.items[key] = before
        raise


transact = models.DynamoDBBackend.transact_write_items
models.copy = WholeTableStays()
models.DynamoDBBackend.transact_write_items = transact_write_items

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
