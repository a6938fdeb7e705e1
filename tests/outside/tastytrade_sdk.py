"""Drives the simulated tastytrade with tastytrade, a public client written for the real one.

Called with the word "orders" it prints, as one JSON object, what that client would send for some orders, and talks to nobody.

Otherwise it reads a JSON object on standard input: tastytrade_url, clock_url, client_secret, refresh_token, start. It ends with status 0
and the word "agreed" when everything a user of that client relies on holds. Its models are strict: a field that is missing or of
another type ends the program.
"""

import asyncio
import collections
import datetime
import decimal
import json
import sys
import urllib.request

import tastytrade
from tastytrade.account import Account
from tastytrade.instruments import Equity, NestedOptionChain, Option, get_option_chain
from tastytrade.market_data import get_market_data_by_type
from tastytrade.market_sessions import ExchangeType, get_market_sessions
from tastytrade.metrics import get_market_metrics
from tastytrade.order import (
    AdvancedInstructions,
    InstrumentType,
    Leg,
    LimitOrder,
    MarketOrder,
    OrderAction,
    OrderStatus,
    OrderTimeInForce,
)
from tastytrade.utils import TastytradeError

Decimal = decimal.Decimal
OPEN_BUY, OPEN_SELL = OrderAction.BUY_TO_OPEN, OrderAction.SELL_TO_OPEN
CLOSE_BUY, CLOSE_SELL = OrderAction.BUY_TO_CLOSE, OrderAction.SELL_TO_CLOSE
EXPIRY = datetime.date(2025, 9, 4)


def symbol(right, strike):
    return f"SPXW  {EXPIRY:%y%m%d}{right}{int(Decimal(strike) * 1000):08d}"


def leg(action, right, strike, quantity):
    return Leg(instrument_type=InstrumentType.EQUITY_OPTION, symbol=symbol(right, strike), action=action, quantity=quantity)


def limit(price, legs, **more):
    """A credit is positive, a debit negative."""
    return LimitOrder(time_in_force=OrderTimeInForce.DAY, price=Decimal(price), legs=legs, **more)


def vertical_credit(price="0.95", quantity=2, **more):
    return limit(price, [leg(OPEN_BUY, "P", 6420, quantity), leg(OPEN_SELL, "P", 6425, quantity)], **more)


def vertical_debit(price="-1.00", quantity=2):
    return limit(price, [leg(OPEN_BUY, "P", 6425, quantity), leg(OPEN_SELL, "P", 6420, quantity)])


def iron_condor(price="4.90", quantity=2):
    wings = [leg(OPEN_BUY, "P", 6420, quantity), leg(OPEN_BUY, "C", 6475, quantity)]
    return limit(price, [*wings, leg(OPEN_SELL, "P", 6425, quantity), leg(OPEN_SELL, "C", 6470, quantity)])


def closing(price="-3.00", quantity=1):
    strict = AdvancedInstructions(strict_position_effect_validation=True)
    return limit(price, [leg(CLOSE_BUY, "P", 6425, quantity), leg(CLOSE_SELL, "P", 6420, quantity)], advanced_instructions=strict)


def broken_wing(price, quantity=3):
    bought = [leg(OPEN_BUY, "P", 6430, quantity), leg(OPEN_BUY, "P", 6435, 2 * quantity)]
    return limit(price, [*bought, leg(OPEN_SELL, "P", 6415, 2 * quantity), leg(OPEN_SELL, "P", 6445, quantity)])


ORDERS = {
    "vertical_credit": vertical_credit,
    "vertical_debit": vertical_debit,
    "iron_condor": iron_condor,
    "closing": closing,
    "broken_wing_credit": lambda: broken_wing("2.35"),
    "broken_wing_debit": lambda: broken_wing("-15.00"),
    "named": lambda: vertical_credit("0.30", 1, external_identifier="20250903-cs-put-r1-1"),
    "least_price": lambda: vertical_credit("0.05", 1),
    "price_of_one_decimal": lambda: vertical_credit("1.5", 1),
    "whole_price": lambda: vertical_debit("-4", 1),
    "large_price": lambda: iron_condor("1234.55", 10),
}


def as_sent(order):
    """The body that Account.place_order posts."""
    return json.loads(order.model_dump_json(exclude_none=True, by_alias=True))


if sys.argv[1:] == ["orders"]:
    print(json.dumps({name: as_sent(build()) for name, build in ORDERS.items()}))
    sys.exit()

given = json.load(sys.stdin)
# The one thing that is changed: where the real service is. The session module holds a name of its own for it.
tastytrade.session.API_URL = given["tastytrade_url"]


def clock(verb, **body):
    request = urllib.request.Request(f"{given['clock_url']}/clock/{verb}", json.dumps({"run": "tastytrade", **body}).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def wait(seconds):
    now = datetime.datetime.fromisoformat(clock("attach")["now"])
    clock("wait", until=(now + datetime.timedelta(seconds=seconds)).isoformat())


async def refused(call, words):
    try:
        answer = await call
    except TastytradeError as error:
        assert words in str(error), error
        return
    raise AssertionError(f"expected a refusal with {words}: {answer}")


async def held(session, account):
    rows = await account.get_positions(session, include_marks=True)
    return {row.symbol: row.quantity * (1 if row.quantity_direction == "Long" else -1) for row in rows}


async def check_login(session):
    accounts = await Account.get(session)
    assert [account.account_number for account in accounts] == ["5WT00001", "5WT00002"], accounts
    account = await Account.get(session, "5WT00001")
    assert account == accounts[0]
    assert (await session.get_customer()).id == "me"
    balances = await account.get_balances(session)
    assert balances.cash_balance == balances.net_liquidating_value == 100000, balances
    assert await account.get_positions(session) == []
    status = await account.get_trading_status(session)
    assert status.account_number == "5WT00001" and not status.is_closing_only, status
    return account


async def check_market(session):
    chains = {chain.root_symbol: chain for chain in await NestedOptionChain.get(session, "SPX")}
    assert set(chains) == {"SPX", "SPXW"}, set(chains)
    daily = next(expiration for expiration in chains["SPXW"].expirations if expiration.expiration_date == EXPIRY)
    assert daily.settlement_type == "PM" and daily.days_to_expiration == 1, daily.expiration_type
    strike = next(strike for strike in daily.strikes if strike.strike_price == 6425)
    assert (strike.put, strike.put_streamer_symbol) == (symbol("P", 6425), ".SPXW250904P6425"), strike
    whole = await get_option_chain(session, "SPX")
    assert {option.strike_price for option in whole[EXPIRY]} == {strike.strike_price for strike in daily.strikes}
    option = await Option.get(session, strike.put)
    assert option.streamer_symbol == strike.put_streamer_symbol and option.settlement_type == "PM", option
    index = await Equity.get(session, "SPX")
    assert index.is_index and [(tick.value, tick.threshold) for tick in index.option_tick_sizes] == [(Decimal("0.05"), 3), (Decimal("0.1"), None)], index

    quotes = {row.symbol: row for row in await get_market_data_by_type(session, indices=["SPX"], options=[strike.put, strike.call])}
    assert set(quotes) == {"SPX", strike.put, strike.call}, set(quotes)
    assert quotes["SPX"].bid is None and quotes["SPX"].last > 6000, quotes["SPX"]
    assert quotes[strike.put].bid <= quotes[strike.put].mid <= quotes[strike.put].ask, quotes[strike.put]
    assert [row.symbol for row in await get_market_metrics(session, ["SPX"])] == ["SPX"]
    sessions = await get_market_sessions(session, [ExchangeType.NYSE])
    assert [row.instrument_collection for row in sessions] == ["Equity"], sessions


async def check_resting(session, account):
    """Rehearsed, placed, seen, replaced and cancelled."""
    identifier = "a7f3c2d0-0000-4000-8000-0000000000aa"
    order = vertical_credit("4.00", external_identifier=identifier)
    rehearsed = await account.place_order(session, order, dry_run=True)
    assert rehearsed.order.status is OrderStatus.RECEIVED and rehearsed.buying_power_effect.is_spread, rehearsed
    assert rehearsed.buying_power_effect.change_in_margin_requirement == -1000 and not rehearsed.errors, rehearsed.buying_power_effect
    assert rehearsed.fee_calculation.total_fees == Decimal("-3.88"), rehearsed.fee_calculation
    assert await account.get_live_orders(session) == [], "a rehearsal is no order"

    placed = (await account.place_order(session, order, dry_run=False)).order
    assert placed.price == 4 and placed.external_identifier == identifier and placed.size == 2, placed
    wait(3)
    live = await account.get_live_orders(session)
    assert [(row.id, row.status, row.external_identifier) for row in live] == [(placed.id, OrderStatus.LIVE, identifier)], live
    assert await account.get_order(session, placed.id) == live[0]

    new = await account.replace_order(session, placed.id, vertical_credit("3.95"))
    assert new.status is OrderStatus.CONTINGENT and new.replaces_order_id == placed.id and new.price == Decimal("3.95"), new
    assert (await account.get_order(session, placed.id)).status is OrderStatus.REPLACE_REQUESTED
    wait(3)
    old = await account.get_order(session, placed.id)
    assert old.status is OrderStatus.CANCELLED and old.replacing_order_id == new.id, old
    assert (await account.get_order(session, new.id)).status is OrderStatus.LIVE

    await account.delete_order(session, new.id)
    assert (await account.get_order(session, new.id)).status is OrderStatus.CANCEL_REQUESTED
    wait(3)
    cancelled = await account.get_order(session, new.id)
    assert cancelled.status is OrderStatus.CANCELLED and cancelled.terminal_at, cancelled
    await refused(account.delete_order(session, new.id), "cannot_update_order")
    return {placed.id, new.id}


async def check_crossing(session, account, order):
    """Fills, and positions follow."""
    before = collections.Counter(await held(session, account))
    placed = (await account.place_order(session, order, dry_run=False)).order
    wait(10)
    filled = await account.get_order(session, placed.id)
    assert filled.status is OrderStatus.FILLED, filled
    assert all(sum(fill.quantity for fill in row.fills) == row.quantity and row.remaining_quantity == 0 for row in filled.legs), filled.legs
    fill_ids = [fill.fill_id for row in filled.legs for fill in row.fills]
    assert len(set(fill_ids)) == len(fill_ids) >= len(order.legs), fill_ids
    net = -filled.average_fill_price()
    assert net >= order.price, (net, order.price)
    for row in order.legs:
        before[row.symbol] += row.multiplier
    assert await held(session, account) == {name: quantity for name, quantity in before.items() if quantity}, before
    return placed.id


async def check_refusals(session, account):
    await refused(account.place_order(session, vertical_credit(quantity=500), dry_run=True), "margin_check_failed")
    await refused(account.place_order(session, vertical_credit(quantity=500), dry_run=False), "margin_check_failed")
    await refused(account.place_order(session, closing(quantity=50), dry_run=False), "position_effect_validation_failed")
    await refused(account.place_order(session, MarketOrder(legs=vertical_credit().legs), dry_run=False), "order-type")
    await refused(account.get_order(session, 42), "record_not_found")


async def check_history(session, account, cash_before, orders, filled):
    start = datetime.datetime.fromisoformat(given["start"]).date()
    pages = await account.get_order_history(session, per_page=2, page_offset=None, start_date=start)
    assert [row.id for row in pages] == sorted(orders, reverse=True), pages
    only = await account.get_order_history(session, start_date=start, statuses=[OrderStatus.FILLED], underlying_symbol="SPX")
    assert {row.id for row in only} == set(filled), only

    trades = await account.get_history(session, per_page=3, page_offset=None, start_date=start, types=["Trade"])
    assert trades == await account.get_history(session, start_date=start), "nothing but trades happened"
    assert await account.get_history(session, start_date=start, types=["Money Movement"]) == []
    moved = collections.Counter()
    for row in trades:
        sign = 1 if row.action in (OPEN_BUY, CLOSE_BUY) else -1
        moved[row.symbol] += sign * row.quantity
        assert row.value == -sign * row.quantity * row.price * 100, row
        assert row.net_value == row.value + row.commission + row.regulatory_fees + row.clearing_fees + row.proprietary_index_option_fees, row
    assert {row.order_id for row in trades} == set(filled)
    assert {name: quantity for name, quantity in moved.items() if quantity} == await held(session, account), moved
    now = await account.get_balances(session)
    assert now.cash_balance - cash_before == sum(row.net_value for row in trades), now.cash_balance
    assert (await account.get_total_fees(session, day=start)).total_fees == sum(row.net_value - row.value for row in trades)
    assert await account.get_transaction(session, trades[0].id) == trades[0]


async def main():
    async with tastytrade.Session(given["client_secret"], given["refresh_token"]) as session:
        account = await check_login(session)
        cash_before = (await account.get_balances(session)).cash_balance
        await check_market(session)
        orders = await check_resting(session, account)
        filled = [await check_crossing(session, account, order) for order in (vertical_credit("0.30", 1), iron_condor("0.05"), closing("-4.90"))]
        await check_refusals(session, account)
        await check_history(session, account, cash_before, [*orders, *filled], filled)
        other = await Account.get(session, "5WT00002")
        assert await held(session, other) == {} and await other.get_live_orders(session) == [], "books are kept apart"
    clock("detach")
    print("agreed")


asyncio.run(main())
