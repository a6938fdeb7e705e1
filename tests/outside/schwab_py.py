"""Drives the simulated Schwab with schwab-py, a public client written for the real one.

Reads a JSON object on standard input: schwab_url, clock_url, app_key, app_secret, token (the document), start, put_order (what our own
client would send). Ends with status 0 and the word "agreed" when everything a user of schwab-py relies on holds.
"""

import datetime
import json
import pathlib
import sys
import tempfile
import urllib.request

import httpx
import schwab
from schwab.orders.options import bull_put_vertical_open

SELL, BUY = "SPXW  250904P06425000", "SPXW  250904P06420000"
given = json.load(sys.stdin)
local = httpx.URL(given["schwab_url"])
real_send = httpx.HTTPTransport.handle_request


def send_to_simulator(transport, request):
    """Every request that schwab-py means for api.schwabapi.com goes to the simulator."""
    assert request.url.host == "api.schwabapi.com", request.url
    request.url = request.url.copy_with(scheme="http", host=local.host, port=local.port)
    return real_send(transport, request)


httpx.HTTPTransport.handle_request = send_to_simulator


def clock(verb, **body):
    request = urllib.request.Request(f"{given['clock_url']}/clock/{verb}", json.dumps({"run": "schwab-py", **body}).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def good(response, status=200):
    assert response.status_code == status, (response.status_code, response.text)
    return response.json() if response.content else None


def wait(seconds):
    now = datetime.datetime.fromisoformat(clock("attach")["now"])
    clock("wait", until=(now + datetime.timedelta(seconds=seconds)).isoformat())


def main():
    folder = pathlib.Path(tempfile.mkdtemp())
    token_file = folder / "token.json"
    token_file.write_text(json.dumps(given["token"]))
    client = schwab.auth.client_from_token_file(str(token_file), given["app_key"], given["app_secret"])

    numbers = good(client.get_account_numbers())
    account = numbers[0]["hashValue"]
    kept = json.loads(token_file.read_text())
    assert kept["creation_timestamp"] == given["token"]["creation_timestamp"], "the login's time is kept over a refresh"
    assert kept["token"]["access_token"] != given["token"]["token"]["access_token"], "the expired token was refreshed"

    before = good(client.get_account(account, fields=[client.Account.Fields.POSITIONS]))["securitiesAccount"]
    assert before["currentBalances"]["liquidationValue"] > 0 and "positions" not in before
    quotes = good(client.get_quotes([SELL, BUY, "$SPX"]))
    assert quotes[SELL]["quote"]["bidPrice"] <= quotes[SELL]["quote"]["askPrice"], quotes[SELL]
    chain = good(client.get_option_chain("$SPX", strike_count=10, from_date=datetime.date(2025, 9, 4), to_date=datetime.date(2025, 9, 4)))
    assert chain["status"] == "SUCCESS" and chain["putExpDateMap"], chain["status"]

    # The order JSON of both clients is the same, but for what each adds.
    template = bull_put_vertical_open(BUY, SELL, 2, given["put_order"]["price"]).build()
    theirs, ours = json.loads(json.dumps(template)), given["put_order"]
    theirs.pop("quantity", None)
    for leg in ours["orderLegCollection"]:
        assert leg.pop("positionEffect") == "OPENING"
    assert theirs == ours, f"\nschwab-py {json.dumps(theirs, sort_keys=True)}\nours      {json.dumps(ours, sort_keys=True)}"

    # An order far from the market works until it is cancelled.
    placed = client.place_order(account, bull_put_vertical_open(BUY, SELL, 2, "4.00"))
    good(placed, 201)
    order_id = schwab.utils.Utils(client, account).extract_order_id(placed)
    assert isinstance(order_id, int), placed.headers
    wait(3)
    assert good(client.get_order(order_id, account))["status"] == "WORKING"
    good(client.cancel_order(order_id, account))
    wait(3)
    order = good(client.get_order(order_id, account))
    assert order["status"] == "CANCELED" and order["filledQuantity"] == 0.0, order

    # One that crosses fills, and positions follow.
    filled_id = schwab.utils.Utils(client, account).extract_order_id(client.place_order(account, bull_put_vertical_open(BUY, SELL, 1, "0.30")))
    wait(10)
    filled = good(client.get_order(filled_id, account))
    assert filled["status"] == "FILLED", filled["status"]
    assert {leg["instruction"] for leg in filled["orderLegCollection"]} == {"BUY_TO_OPEN", "SELL_TO_OPEN"}
    after = good(client.get_account(account, fields=[client.Account.Fields.POSITIONS]))["securitiesAccount"]
    held = {row["instrument"]["symbol"]: row["longQuantity"] - row["shortQuantity"] for row in after["positions"]}
    assert held == {SELL: -1.0, BUY: 1.0}, held

    start = datetime.datetime.fromisoformat(given["start"])
    day = datetime.timedelta(hours=12)
    listed = good(client.get_orders_for_account(account, from_entered_datetime=start - day, to_entered_datetime=start + day))
    assert {order["orderId"] for order in listed} == {order_id, filled_id}, listed
    refused = client.get_order(42, account)
    assert refused.status_code == 404, refused.status_code
    clock("detach")
    print("agreed")


main()
