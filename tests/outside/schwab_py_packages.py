"""Packages of four legs: built by schwab-py's generic builder, compared with ours, and both sent to the simulated Schwab.

Beside what session.py reads: packages, for each name the texts of our orders (resting, crossing, even). What each package is, is said
here a second time, so that a mistake in ours has nothing to agree with. Ends with status 0 and the word "agreed".
"""

import collections
import datetime
import decimal
import json

from schwab.client import Client
from schwab.orders.common import ComplexOrderStrategyType, Duration, OptionInstruction, OrderStrategyType, OrderType, Session
from schwab.orders.generic import OrderBuilder
from schwab.orders.options import OptionSymbol

import session
from session import account_of, given, good, held, listed, order_id, wait

BUY, SELL = OptionInstruction.BUY_TO_OPEN, OptionInstruction.SELL_TO_OPEN
EXPIRY = datetime.date(2025, 9, 4)

# Shape, packages, legs (instruction, right, strike, contracts in one package), and each order's type and price.
PACKAGES = {
    "iron_condor": (
        ComplexOrderStrategyType.IRON_CONDOR,
        2,
        [(BUY, "P", "6420", 1), (BUY, "C", "6475", 1), (SELL, "P", "6425", 1), (SELL, "C", "6470", 1)],
        {"resting": (OrderType.NET_CREDIT, "4.90"), "crossing": (OrderType.NET_CREDIT, "0.05")},
    ),
    "broken_wing": (
        ComplexOrderStrategyType.CUSTOM,
        3,
        [(BUY, "P", "6415", 2), (BUY, "P", "6445", 1), (SELL, "P", "6430", 1), (SELL, "P", "6435", 2)],
        {"resting": (OrderType.NET_CREDIT, "14.00"), "crossing": (OrderType.NET_DEBIT, "15.00"), "even": (OrderType.NET_ZERO, "0.00")},
    ),
}


def symbol(right, strike):
    return OptionSymbol("SPXW", EXPIRY, right, strike).build()


def build(name, how):
    shape, packages, legs, orders = PACKAGES[name]
    order_type, price = orders[how]
    builder = OrderBuilder().set_session(Session.NORMAL).set_duration(Duration.DAY).set_order_strategy_type(OrderStrategyType.SINGLE)
    builder.set_order_type(order_type).set_complex_order_strategy_type(shape).set_quantity(packages).set_price(price)
    for instruction, right, strike, ratio in legs:
        builder.add_option_leg(instruction, symbol(right, strike), ratio * packages)
    return builder


def post_as_it_is(client, path, text):
    """Our text, byte for byte, over schwab-py's session."""
    return client.session.post(f"https://api.schwabapi.com/trader/v1/accounts/{path}", content=text, headers={"content-type": "application/json"})


def both(client, account, name, how):
    """Places their order and ours; the ids."""
    theirs = client.place_order(account, build(name, how))
    ours = post_as_it_is(client, f"{account}/orders", given["packages"][name][how])
    return [order_id(client, account, response) for response in (theirs, ours)]


def wording(order):
    """What an order asks for, as it is read back."""
    legs = [(leg["instruction"], leg["instrument"]["symbol"], leg["quantity"], leg["positionEffect"]) for leg in order["orderLegCollection"]]
    return order["orderType"], order["complexOrderStrategyType"], order["duration"], order["price"], order["quantity"], legs


def expected_wording(name, how):
    shape, packages, legs, orders = PACKAGES[name]
    order_type, price = orders[how]
    legs = [(instruction.value, symbol(right, strike), float(ratio * packages), "OPENING") for instruction, right, strike, ratio in legs]
    return order_type.value, shape.value, "DAY", float(price), float(packages), legs


def check_preview(client, account, name, how):
    theirs = good(client.preview_order(account, build(name, how)))
    ours = good(post_as_it_is(client, f"{account}/previewOrder", given["packages"][name][how]))
    assert theirs == ours, f"{name} {how}\n{theirs}\n{ours}"
    assert theirs["orderStrategy"]["status"] == "ACCEPTED" and not theirs["orderValidationResult"]["rejects"], theirs


def check_resting(client, account, name):
    ids = both(client, account, name, "resting")
    wait(3)
    for one in ids:
        order = good(client.get_order(one, account))
        assert order["status"] == "WORKING" and wording(order) == expected_wording(name, "resting"), order
    working = listed(client, account, status=Client.Order.Status.WORKING)
    assert {order["orderId"] for order in working} == set(ids), working
    for one in ids:
        good(client.cancel_order(one, account))
    wait(3)
    assert [good(client.get_order(one, account))["status"] for one in ids] == ["CANCELED", "CANCELED"]
    return ids


def check_crossing(client, account, name):
    before = held(account_of(client, account))
    ids = both(client, account, name, "crossing")
    wait(10)
    _, packages, legs, _ = PACKAGES[name]
    for one in ids:
        order = good(client.get_order(one, account))
        assert order["status"] == "FILLED" and order["filledQuantity"] == float(packages), order
        assert wording(order) == expected_wording(name, "crossing"), order
    expected = collections.Counter(before)
    for instruction, right, strike, ratio in legs:
        expected[symbol(right, strike)] += (1 if instruction is BUY else -1) * ratio * packages * len(ids)
    assert held(account_of(client, account)) == expected, (held(account_of(client, account)), expected)
    return ids


def exact(number):
    return decimal.Decimal(str(number))


def check_transactions(client, account, cash_before, filled):
    window = {"start_date": session.start - session.twelve_hours, "end_date": session.start + session.twelve_hours}
    trades = good(client.get_transactions(account, transaction_types=[Client.Transactions.TransactionType.TRADE], **window))
    assert good(client.get_transactions(account, **window)) == trades, "all types: nothing but trades happened"
    assert good(client.get_transactions(account, transaction_types=[Client.Transactions.TransactionType.ACH_RECEIPT], **window)) == []

    legs_of = {one: len(PACKAGES[name][2]) for name, ids in filled.items() for one in ids}
    assert collections.Counter(row["orderId"] for row in trades) == legs_of, "one row a leg, joined on the order's id"
    moved = collections.Counter()
    for row in trades:
        *fees, contracts = row["transferItems"]
        assert [fee["feeType"] for fee in fees] == ["COMMISSION", "SEC_FEE", "OPT_REG_FEE", "TAF_FEE", "INDEX_OPTION_FEE"], fees
        assert contracts["instrument"]["assetType"] == "OPTION" and contracts["positionEffect"] == "OPENING", contracts
        assert exact(contracts["cost"]) == -exact(contracts["amount"]) * exact(contracts["price"]) * 100, contracts
        assert sum(exact(item["cost"]) for item in row["transferItems"]) == exact(row["netAmount"]), row
        moved[contracts["instrument"]["symbol"]] += contracts["amount"]
    shown = account_of(client, account)
    assert moved == held(shown), (moved, held(shown))
    assert exact(shown["currentBalances"]["cashBalance"]) - cash_before == sum(exact(row["netAmount"]) for row in trades)

    assert good(client.get_transaction(account, trades[0]["activityId"])) == [trades[0]]
    one_symbol = trades[0]["transferItems"][-1]["instrument"]["symbol"]
    of_symbol = good(client.get_transactions(account, symbol=one_symbol, **window))
    assert of_symbol == [row for row in trades if row["transferItems"][-1]["instrument"]["symbol"] == one_symbol] and of_symbol
    assert client.get_transaction(account, 7).status_code == 404


def main():
    client, account = session.log_in()
    cash_before = exact(account_of(client, account)["currentBalances"]["cashBalance"])
    for name, (_, packages, _, orders) in PACKAGES.items():
        for how in orders:
            theirs = build(name, how).build()
            assert theirs["quantity"] == packages
            session.assert_same_order(theirs, json.loads(given["packages"][name][how]))
            check_preview(client, account, name, how)
    canceled = {name: check_resting(client, account, name) for name in PACKAGES}
    filled = {name: check_crossing(client, account, name) for name in PACKAGES}
    everything = {one for ids in (*canceled.values(), *filled.values()) for one in ids}
    assert {order["orderId"] for order in listed(client, account)} == everything, "a preview is no order"
    check_transactions(client, account, cash_before, filled)
    session.clock("detach")
    print("agreed")


main()
