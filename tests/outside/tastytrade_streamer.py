"""Listens to the simulated stream of quotes with tastytrade, a public client written for the real one.

Reads a JSON object on standard input: tastytrade_url, clock_url, client_secret, refresh_token. Ends with status 0 and the word "agreed"
when everything a user of its DXLinkStreamer relies on holds. Nothing of the client is changed but the address of the service: session,
token and the stream's address come as they do from the real one.
"""

import asyncio
import datetime
import decimal
import json
import sys
import urllib.request

import tastytrade.session
from tastytrade import DXLinkStreamer, Session
from tastytrade.dxfeed import Greeks, Profile, Quote, Summary, Trade

given = json.load(sys.stdin)
tastytrade.session.API_URL = given["tastytrade_url"]
Decimal = decimal.Decimal
PUT, CALL, UNKNOWN = ".SPXW250904P6425", ".SPXW250904C6450", ".SPXW250904P6426"


def clock(verb, **body):
    request = urllib.request.Request(f"{given['clock_url']}/clock/{verb}", json.dumps({"run": "streamer", **body}).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))


async def step(seconds):
    now = datetime.datetime.fromisoformat((await asyncio.to_thread(clock, "attach"))["now"])
    await asyncio.to_thread(clock, "wait", until=(now + datetime.timedelta(seconds=seconds)).isoformat())


async def several(streamer, kind, count):
    """The next events of a type, by symbol."""
    events = [await asyncio.wait_for(streamer.get_event(kind), 10) for _ in range(count)]
    return {event.event_symbol: event for event in events}


async def first_events(streamer):
    # The unknown symbol comes first: what follows it shows that it is silent.
    await streamer.subscribe(Quote, [UNKNOWN, PUT, CALL, "SPX"])
    quotes = await several(streamer, Quote, 3)
    assert set(quotes) == {PUT, CALL, "SPX"}, quotes
    assert (quotes[PUT].bid_price, quotes[PUT].ask_price) == (Decimal("7.2"), Decimal("7.3")), quotes[PUT]
    assert quotes[PUT].bid_size > 0 and quotes[PUT].bid_time == 0, quotes[PUT]
    assert quotes["SPX"].bid_size == 0, "an index has no sizes: NaN, which the client reads as 0"

    await streamer.subscribe(Trade, [PUT, "SPX", "VIX"])
    trades = await several(streamer, Trade, 3)
    assert trades["SPX"].price == Decimal("6448.05") and trades["SPX"].size is None, trades["SPX"]
    assert trades["VIX"].price > 0 and trades[PUT].price > 0, trades

    await streamer.subscribe(Summary, [PUT, "SPX"])
    summaries = await several(streamer, Summary, 2)
    assert summaries["SPX"].prev_day_close_price > 0 and summaries["SPX"].day_close_price is None, summaries["SPX"]
    assert summaries[PUT].open_interest > 0, summaries[PUT]

    await streamer.subscribe(Greeks, [PUT, CALL])
    greeks = await several(streamer, Greeks, 2)
    assert -1 < greeks[PUT].delta < 0 < greeks[CALL].delta < 1, greeks
    assert all(Decimal("0.02") < each.volatility < 1 and each.vega > 0 > each.theta for each in greeks.values()), greeks

    await streamer.subscribe(Profile, ["SPX"])
    assert (await several(streamer, Profile, 1))["SPX"].trading_status == "ACTIVE"
    return quotes


async def changes(streamer, quotes):
    await step(30)
    moved = await several(streamer, Quote, 1)
    ((symbol, quote),) = moved.items()
    assert (quote.bid_price, quote.ask_price) != (quotes[symbol].bid_price, quotes[symbol].ask_price), quote


async def heard_until(streamer, symbol):
    """Every quote up to the first of `symbol`, by symbol. Messages are answered in order: whatever was sent before that symbol was asked
    for has been heard by then, and its answer is here."""
    await streamer.subscribe(Quote, [symbol])
    quotes = {}
    while symbol not in quotes:
        quotes |= await several(streamer, Quote, 1)
    return quotes


async def only_the_rest_after_unsubscribing(streamer):
    await streamer.unsubscribe(Quote, [PUT, CALL])
    await heard_until(streamer, "VIX")
    await step(60)
    rest = await heard_until(streamer, ".SPXW250904P6000")
    assert "SPX" in rest and not {PUT, CALL} & set(rest), rest


async def a_channel_anew(streamer):
    await streamer.unsubscribe_all(Trade)
    # The client takes the channel for open until it hears that it is closed.
    await heard_until(streamer, ".SPXW250904P6400")
    while streamer.get_event_nowait(Trade) is not None:
        pass
    await streamer.subscribe(Trade, ["SPX"])
    assert "SPX" in await several(streamer, Trade, 1)


async def main():
    async with Session(given["client_secret"], given["refresh_token"]) as session, DXLinkStreamer(session) as streamer:
        quotes = await first_events(streamer)
        await changes(streamer, quotes)
        await only_the_rest_after_unsubscribing(streamer)
        await a_channel_anew(streamer)
    clock("detach")
    print("agreed")


asyncio.run(main())
