"""Prints, as one JSON object, what tastytrade's public client reads of an account: our own client must have read the same.

Reads a JSON object on standard input: tastytrade_url, client_secret, refresh_token, account, start, symbols. Numbers are printed as text,
as the client has them, signs included: what comes in is positive, and so is what is held long.
"""

import asyncio
import datetime
import json
import sys

import tastytrade
from tastytrade.account import Account
from tastytrade.market_data import get_market_data_by_type

given = json.load(sys.stdin)
# The one thing that is changed: where the real service is. The session module holds a name of its own for it.
tastytrade.session.API_URL = given["tastytrade_url"]
FEES = ("commission", "clearing_fees", "regulatory_fees", "proprietary_index_option_fees")


def text(value):
    return None if value is None else str(value)


def of_leg(leg):
    fills = [{"contracts": text(fill.quantity), "price": text(fill.fill_price)} for fill in leg.fills or []]
    return {"symbol": leg.symbol, "action": leg.action.value, "contracts": text(leg.quantity), "remaining": text(leg.remaining_quantity), "fills": fills}


def of_order(order):
    named = {"name": order.external_identifier, "source": order.source, "reason": order.reject_reason, "entered": order.received_at.isoformat()}
    return {"id": text(order.id), "status": order.status.value, "price": text(order.price), "legs": [of_leg(leg) for leg in order.legs], **named}


def of_transaction(row):
    fees = -sum(getattr(row, fee) or 0 for fee in FEES)
    words = {"kind": row.transaction_type, "sub_kind": row.transaction_sub_type, "action": row.action and row.action.value, "description": row.description}
    numbers = {"quantity": text(row.quantity), "price": text(row.price), "value": text(row.value), "net_value": text(row.net_value), "fees": text(fees)}
    times = {"at": row.executed_at.isoformat(), "date": row.transaction_date.isoformat(), "estimated": row.is_estimated_fee}
    return {"id": text(row.id), "order": text(row.order_id), "symbol": row.symbol, **words, **numbers, **times}


async def main():
    start = datetime.datetime.fromisoformat(given["start"]).date()
    async with tastytrade.Session(given["client_secret"], given["refresh_token"]) as session:
        account = await Account.get(session, given["account"])
        positions = await account.get_positions(session)
        history = await account.get_order_history(session, per_page=50, page_offset=None, start_date=start)
        one_by_one = [await account.get_order(session, order.id) for order in history]
        assert one_by_one == history, "an order is the same in the list and by itself"
        quotes = await get_market_data_by_type(session, options=given["symbols"]) if given["symbols"] else []
        print(json.dumps({
            "net_liquidating_value": text((await account.get_balances(session)).net_liquidating_value),
            "positions": {row.symbol: text(row.quantity * (1 if row.quantity_direction == "Long" else -1)) for row in positions},
            "orders": [of_order(order) for order in history],
            "live": [text(order.id) for order in await account.get_live_orders(session)],
            "transactions": [of_transaction(row) for row in await account.get_history(session, per_page=50, page_offset=None, start_date=start)],
            "quotes": {row.symbol: [text(row.bid), text(row.ask)] for row in quotes},
        }))


asyncio.run(main())
