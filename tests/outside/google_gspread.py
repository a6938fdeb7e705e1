"""Uses the simulated spreadsheets with gspread, which was written for the real ones, and says "agreed".

Reads what google_session.py reads. The spreadsheet has one tab, Trades, with the rows date, net and 2025-09-03, =1+1.
"""

import datetime

import google.auth._helpers
import google.auth.exceptions
import gspread
import requests
from google_session import credentials, foreign_key, given, refused

GOOGLE = "https://sheets.googleapis.com"


class ToSimulator(requests.adapters.HTTPAdapter):
    """Every request that gspread means for Google's sheets goes to the simulator."""

    def send(self, request, **options):
        assert request.url.startswith(GOOGLE + "/"), request.url
        request.url = given["google_url"] + request.url.removeprefix(GOOGLE)
        return super().send(request, **options)


def client(**changed):
    made = gspread.authorize(credentials(**changed))
    made.http_client.session.mount(GOOGLE, ToSimulator())
    return made


def api_error(code, text, call):
    error = refused(gspread.exceptions.APIError, call)
    assert error.code == code and text in error.error["message"], error
    return error


gc = client()
book = gc.open_by_key(given["spreadsheet"])
assert book.title == "Journal", book.title
trades = book.worksheet("Trades")
assert (trades.id, trades.row_count, trades.col_count, trades.index) == (0, 1000, 26, 0), trades
assert trades.get_all_values() == [["date", "net"], ["2025-09-03", "#NAME?"]], trades.get_all_values()
assert trades.get_all_values(value_render_option="FORMULA") == [["date", "net"], [45903, "=1+1"]]
assert trades.get_all_records() == [{"date": "2025-09-03", "net": "#NAME?"}]

# A tab of one's own, under a title that must be quoted and escaped.
title = "It's a log/1"
log = book.add_worksheet(title, rows=5, cols=3)
assert (log.title, log.row_count, log.col_count) == (title, 5, 3)
assert [tab.title for tab in book.worksheets()] == ["Trades", title]
api_error(400, f'A sheet with the name "{title}" already exists', lambda: book.add_worksheet(title, rows=1, cols=1))

# Values as they are, and as if typed.
done = log.update([["id", "n", "ok"], ["007", 1.5, True]], "A1")
assert done["updatedRange"] == "'It''s a log/1'!A1:C2" and done["updatedCells"] == 6, done
assert log.get_all_values() == [["id", "n", "ok"], ["007", "1.5", "TRUE"]]
log.update([["007", "1.50", "=SUM(B2:B3)"]], "A3", value_input_option="USER_ENTERED")
assert log.row_values(3) == ["7", "1.5", "#NAME?"]
assert log.row_values(3, value_render_option="UNFORMATTED_VALUE") == [7, 1.5, "#NAME?"]
assert log.acell("C3", value_render_option="FORMULA").value == "=SUM(B2:B3)"

# Rows that are appended go below the table, and what was below moves down.
log.update_acell("A5", "note")
done = log.append_rows([["008", 2], ["009", 3]], insert_data_option="INSERT_ROWS", table_range="A1:C3")
assert done["tableRange"] == "'It''s a log/1'!A1:C3" and done["updates"]["updatedRange"] == "'It''s a log/1'!A4:B5", done
assert log.col_values(1) == ["id", "007", "7", "008", "009", "", "note"]
assert book.worksheet(title).row_count == 7
log.append_row(["last"])
assert log.acell("A8").value == "last" and book.worksheet(title).row_count == 8, "the grid grows by itself"

# Past the last column.
api_error(400, "exceeds grid limits. Max rows: 8, max columns: 3", lambda: log.update([["x"]], "D1"))
api_error(400, "tried writing to column [C]", lambda: log.update([["x", "y", "z"]], "A1:B1"))
api_error(400, "exceeds grid limits", lambda: log.get("A9"))
log.add_cols(27)
log.update([[f"c{at}" for at in range(1, 31)]], "A1")
assert log.row_values(1)[26:] == ["c27", "c28", "c29", "c30"] and log.find("c30").address == "AD1"

# Many ranges at once, and none of them when one is wrong.
got = log.batch_get(["A1:B1", "AC1:AD2", "B8:C8"])
assert [list(values) for values in got][:2] == [[["c1", "c2"]], [["c29", "c30"]]], got
assert not any(cell for row in got[2] for cell in row), got
log.batch_update([{"range": "A1", "values": [["first"]]}, {"range": "B1:C1", "values": [["second", None]]}])
assert log.row_values(1)[:3] == ["first", "second", "c3"]
wrong = [{"range": "A1", "values": [["lost"]]}, {"range": "ZZ1", "values": [["beyond"]]}]
api_error(400, "exceeds grid limits", lambda: log.batch_update(wrong))
assert log.acell("A1").value == "first"

# Rows, columns, properties.
log.insert_row(["between"], index=2)
assert log.col_values(1)[:3] == ["first", "between", "007"]
log.delete_rows(2)
assert log.col_values(1)[:2] == ["first", "007"]
log.freeze(rows=1)
log.update_title("Log")
log.resize(rows=20)
again = book.worksheet("Log")
assert (again.frozen_row_count, again.row_count, again.col_count) == (1, 20, 30)

log.batch_clear(["A1:B1"])
assert log.row_values(1)[:3] == ["", "", "c3"]
log.clear()
assert log.get_all_values() == [[]], log.get_all_values()
book.del_worksheet(log)
assert [tab.title for tab in book.worksheets()] == ["Trades"]
api_error(400, "You can't remove all the sheets in a document.", lambda: book.del_worksheet(trades))

# What is not there, and who may not.
api_error(400, "Unable to parse range: Missing!A1", lambda: book.values_get("Missing!A1"))
api_error(400, "Unable to parse range: Trades!A0", lambda: book.values_get("Trades!A0"))
refused(gspread.exceptions.SpreadsheetNotFound, lambda: gc.open_by_key("no-such-spreadsheet"))
refused(gspread.exceptions.WorksheetNotFound, lambda: book.worksheet("Log"))

error = refused(google.auth.exceptions.RefreshError, lambda: client(private_key=foreign_key()).open_by_key(given["spreadsheet"]))
assert "Invalid JWT Signature." in str(error), error
error = refused(google.auth.exceptions.RefreshError, lambda: client(client_email="nobody@example.com").open_by_key(given["spreadsheet"]))
assert "account not found" in str(error), error
now = google.auth._helpers.utcnow
google.auth._helpers.utcnow = lambda: now() - datetime.timedelta(hours=2)
try:
    error = refused(google.auth.exceptions.RefreshError, lambda: client().open_by_key(given["spreadsheet"]))
    assert "Check your iat and exp values" in str(error), error
finally:
    google.auth._helpers.utcnow = now
print("agreed")
