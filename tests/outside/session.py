"""A schwab-py client on the simulated Schwab, for the programs beside this file.

Reads a JSON object on standard input: schwab_url, clock_url, app_key, app_secret, token (the document), start, and what the program
compares with.
"""

import datetime
import importlib
import importlib.util
import json
import pathlib
import sys
import tempfile
import urllib.request

import httpx
import schwab

given = json.load(sys.stdin)
local = httpx.URL(given["schwab_url"])
token_file = pathlib.Path(tempfile.mkdtemp()) / "token.json"
start = datetime.datetime.fromisoformat(given["start"])
twelve_hours = datetime.timedelta(hours=12)


def send_to_simulator(real_send):
    """Every request that schwab-py means for api.schwabapi.com goes to the simulator."""

    def send(transport, request):
        assert request.url.host == "api.schwabapi.com", request.url
        request.url = request.url.copy_with(scheme="http", host=local.host, port=local.port)
        return real_send(transport, request)

    return send


# Where httpx2 is installed, as it is beside the tastytrade client, Authlib under schwab-py sends with that and not with httpx.
for name in ("httpx", "httpx2"):
    if importlib.util.find_spec(name):
        transport = importlib.import_module(name).HTTPTransport
        transport.handle_request = send_to_simulator(transport.handle_request)


def log_in():
    """The client and the account's hash. The token is expired, so the first request refreshes it."""
    token_file.write_text(json.dumps(given["token"]))
    client = schwab.auth.client_from_token_file(str(token_file), given["app_key"], given["app_secret"])
    return client, good(client.get_account_numbers())[0]["hashValue"]


def clock(verb, **body):
    request = urllib.request.Request(f"{given['clock_url']}/clock/{verb}", json.dumps({"run": "schwab-py", **body}).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def wait(seconds):
    now = datetime.datetime.fromisoformat(clock("attach")["now"])
    clock("wait", until=(now + datetime.timedelta(seconds=seconds)).isoformat())


def good(response, status=200):
    assert response.status_code == status, (response.status_code, response.text)
    return response.json() if response.content else None


def order_id(client, account, response):
    good(response, 201)
    found = schwab.utils.Utils(client, account).extract_order_id(response)
    assert isinstance(found, int), response.headers
    return found


def account_of(client, account):
    return good(client.get_account(account, fields=[client.Account.Fields.POSITIONS]))["securitiesAccount"]


def held(shown):
    return {row["instrument"]["symbol"]: row["longQuantity"] - row["shortQuantity"] for row in shown.get("positions", [])}


def listed(client, account, **filters):
    return good(client.get_orders_for_account(account, from_entered_datetime=start - twelve_hours, to_entered_datetime=start + twelve_hours, **filters))


def assert_same_order(theirs, ours):
    """The order JSON of both clients is the same, but for what each adds: theirs a quantity of the whole, ours the position's effect."""
    theirs, ours = json.loads(json.dumps(theirs)), json.loads(json.dumps(ours))
    theirs.pop("quantity", None)
    for leg in ours["orderLegCollection"]:
        assert leg.pop("positionEffect") == "OPENING"
    assert theirs == ours, f"\nschwab-py {json.dumps(theirs, sort_keys=True)}\nours      {json.dumps(ours, sort_keys=True)}"
