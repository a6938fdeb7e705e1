"""Drives the simulated Schwab with schwab-py, a public client written for the real one.

Beside what session.py reads: put_order (what our own client would send). Ends with status 0 and the word "agreed" when everything a
user of schwab-py relies on holds.
"""

import datetime
import json

from schwab.orders.options import bull_put_vertical_open

import session
from session import account_of, given, good, held, listed, order_id, wait

SELL, BUY = "SPXW  250904P06425000", "SPXW  250904P06420000"


def main():
    client, account = session.log_in()
    kept = json.loads(session.token_file.read_text())
    assert kept["creation_timestamp"] == given["token"]["creation_timestamp"], "the login's time is kept over a refresh"
    assert kept["token"]["access_token"] != given["token"]["token"]["access_token"], "the expired token was refreshed"

    before = account_of(client, account)
    assert before["currentBalances"]["liquidationValue"] > 0 and "positions" not in before
    quotes = good(client.get_quotes([SELL, BUY, "$SPX"]))
    assert quotes[SELL]["quote"]["bidPrice"] <= quotes[SELL]["quote"]["askPrice"], quotes[SELL]
    chain = good(client.get_option_chain("$SPX", strike_count=10, from_date=datetime.date(2025, 9, 4), to_date=datetime.date(2025, 9, 4)))
    assert chain["status"] == "SUCCESS" and chain["putExpDateMap"], chain["status"]

    ours = given["put_order"]
    session.assert_same_order(bull_put_vertical_open(BUY, SELL, 2, ours["price"]).build(), ours)

    # An order far from the market works until it is cancelled.
    resting = order_id(client, account, client.place_order(account, bull_put_vertical_open(BUY, SELL, 2, "4.00")))
    wait(3)
    assert good(client.get_order(resting, account))["status"] == "WORKING"
    good(client.cancel_order(resting, account))
    wait(3)
    order = good(client.get_order(resting, account))
    assert order["status"] == "CANCELED" and order["filledQuantity"] == 0.0, order

    # One that crosses fills, and positions follow.
    crossing = order_id(client, account, client.place_order(account, bull_put_vertical_open(BUY, SELL, 1, "0.30")))
    wait(10)
    filled = good(client.get_order(crossing, account))
    assert filled["status"] == "FILLED", filled["status"]
    assert {leg["instruction"] for leg in filled["orderLegCollection"]} == {"BUY_TO_OPEN", "SELL_TO_OPEN"}
    assert held(account_of(client, account)) == {SELL: -1.0, BUY: 1.0}

    assert {order["orderId"] for order in listed(client, account)} == {resting, crossing}
    refused = client.get_order(42, account)
    assert refused.status_code == 404, refused.status_code
    session.clock("detach")
    print("agreed")


main()
