"""Uses the simulated spreadsheets with Google's own client, and says "agreed".

Reads what google_session.py reads. The spreadsheet has one tab, Trades, with the rows date, net and 2025-09-03, =1+1.
"""

import google.auth.exceptions
from google_session import credentials, foreign_key, given, refused
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError


def service(**changed):
    options = {"api_endpoint": given["google_url"]}
    return build("sheets", "v4", credentials=credentials(**changed), static_discovery=True, client_options=options, cache_discovery=False).spreadsheets()


def http_error(status, text, request):
    error = refused(HttpError, request.execute)
    assert error.status_code == status and text in error.reason, (error.status_code, error.reason)


sheets = service()
values = sheets.values()
book = {"spreadsheetId": given["spreadsheet"]}


def change(*requests, **more):
    return sheets.batchUpdate(**book, body={"requests": list(requests), **more})


# What the spreadsheet says of itself, whole and in part.
whole = sheets.get(**book).execute()
assert whole["properties"]["title"] == "Journal" and "data" not in whole["sheets"][0]
grid = {"rowCount": 1000, "columnCount": 26}
assert whole["sheets"][0]["properties"] == {"sheetId": 0, "title": "Trades", "index": 0, "sheetType": "GRID", "gridProperties": grid}
part = sheets.get(**book, fields="sheets(properties(sheetId,title))").execute()
assert part == {"sheets": [{"properties": {"sheetId": 0, "title": "Trades"}}]}, part
data = sheets.get(**book, ranges=["Trades!A2:B2"], includeGridData=True).execute()["sheets"][0]["data"][0]
cells = data["rowData"][0]["values"]
assert data["startRow"] == 1 and "startColumn" not in data
assert [cell["userEnteredValue"] for cell in cells] == [{"numberValue": 45903}, {"formulaValue": "=1+1"}], cells
assert sheets.get(**book, fields="sheets.data.rowData.values.userEnteredValue").execute()["sheets"][0]["data"][0]["rowData"][0]["values"] == [
    {"userEnteredValue": {"stringValue": "date"}},
    {"userEnteredValue": {"stringValue": "net"}},
]
http_error(400, "", sheets.get(**book, fields="sheets("))

# A tab, rows and cells in one batch, in which later requests see what earlier ones did.
enter = {"fields": "userEnteredValue"}
row = {"values": [{"userEnteredValue": {"stringValue": "=no formula"}}, {"userEnteredValue": {"numberValue": 2.5}}, {}]}
formula = {"values": [{"userEnteredValue": {"formulaValue": "=B1*2"}}, {"userEnteredValue": {"boolValue": False}}]}
answer = change(
    {"addSheet": {"properties": {"sheetId": 7, "title": "Log", "gridProperties": {"rowCount": 2, "columnCount": 26}}}},
    {"updateCells": {"start": {"sheetId": 7, "rowIndex": 0, "columnIndex": 0}, "rows": [row], **enter}},
    {"appendDimension": {"sheetId": 7, "dimension": "COLUMNS", "length": 4}},
    {"appendCells": {"sheetId": 7, "rows": [formula, formula, formula], **enter}},
    {"insertDimension": {"range": {"sheetId": 7, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}, "inheritFromBefore": True}},
).execute()
assert answer["replies"][0]["addSheet"]["properties"]["index"] == 1 and answer["replies"][1:] == [{}] * 4, answer
shown = values.get(**book, range="Log", valueRenderOption="FORMULA").execute()
assert shown["range"] == "Log!A1:AD5", shown
assert shown["values"] == [["=no formula", 2.5], []] + [["=B1*2", False]] * 3, shown
assert values.get(**book, range="Log!A2:C2").execute() == {"range": "Log!A2:C2", "majorDimension": "ROWS"}
columns = values.get(**book, range="Log!A:B", majorDimension="COLUMNS", valueRenderOption="UNFORMATTED_VALUE").execute()["values"]
assert columns == [["=no formula", "", "#NAME?", "#NAME?", "#NAME?"], [2.5, "", False, False, False]], columns

# One bad request, and nothing of its batch was done.
before = values.get(**book, range="Log").execute()
beyond = {"range": {"sheetId": 7, "startRowIndex": 5, "endRowIndex": 6, "startColumnIndex": 0, "endColumnIndex": 1}}
spoil = {"updateCells": {"range": {"sheetId": 7}, "rows": [], **enter}}
for bad, text in [
    ({"updateCells": {**beyond, "rows": [row], **enter}}, "Invalid requests[1].updateCells: Range (Log!A6) exceeds grid limits. Max rows: 5, max columns: 30"),
    ({"updateCells": {"start": {"sheetId": 7, "rowIndex": 5}, "rows": [row], **enter}}, "GridCoordinate.rowIndex[5] is after last row in grid[4]"),
    ({"updateCells": {"start": {"sheetId": 7}, "rows": [row]}}, "At least one field must be listed in 'fields'."),
    ({"appendCells": {"sheetId": 7, "rows": [{"values": [{}] * 31}], **enter}}, "Attempting to write column: 30, beyond the last requested column of: 29"),
    ({"updateCells": {"start": {"sheetId": 8}, "rows": [row], **enter}}, "Invalid requests[1].updateCells: No grid with id: 8"),
    ({"addSheet": {"properties": {"title": "log"}}}, "already exists"),
    ({"appendDimension": {"sheetId": 7, "dimension": "ROWS", "length": 10**15}}, "above the limit of 10000000 cells."),
    ({"addShet": {}}, "Invalid JSON payload received."),
]:
    http_error(400, text, change(spoil, bad))
    assert values.get(**book, range="Log").execute() == before, text
http_error(400, "Must specify at least one request.", change())

# Values.
write = {"valueInputOption": "RAW"}
done = values.update(**book, range="Log!AC1", body={"values": [[1, "x"]]}, **write, includeValuesInResponse=True).execute()
assert done["updatedRange"] == "Log!AC1:AD1" and done["updatedData"]["values"] == [["1", "x"]], done
done = values.append(**book, range="Trades!A1", body={"values": [["2025-09-04", "12.5"]]}, valueInputOption="USER_ENTERED", insertDataOption="INSERT_ROWS").execute()
assert done["tableRange"] == "Trades!A1:B2" and done["updates"]["updatedRange"] == "Trades!A3:B3", done
both = values.batchGet(**book, ranges=["Trades!A2:B3", "Log!ac1:ad1"], valueRenderOption="FORMULA").execute()["valueRanges"]
assert [found["values"] for found in both] == [[[45903, "=1+1"], [45904, 12.5]], [[1, "x"]]], both
ranges = [{"range": "Log!A1", "values": [["a"]]}, {"range": "Trades!C1:C2", "majorDimension": "COLUMNS", "values": [["fees", 3]]}]
done = values.batchUpdate(**book, body={**write, "data": ranges}).execute()
assert (done["totalUpdatedCells"], done["totalUpdatedSheets"], done["totalUpdatedRows"]) == (3, 2, 3), done
assert values.batchClear(**book, body={"ranges": ["Log!A1", "Trades!C:C"]}).execute()["clearedRanges"] == ["Log!A1", "Trades!C1:C1001"]
assert values.clear(**book, range="Log!A2:AD", body={}).execute()["clearedRange"] == "Log!A2:AD5"

http_error(400, "'valueInputOption' is required", values.update(**book, range="Log!A1", body={"values": [[1]]}))
http_error(400, "Unable to parse range: Missing!A1", values.get(**book, range="Missing!A1"))
http_error(400, "Range (Log!A6) exceeds grid limits. Max rows: 5, max columns: 30", values.update(**book, range="Log!A6", body={"values": [[1]]}, **write))
http_error(400, "more than the maximum of 50000 characters", values.update(**book, range="Log!A1", body={"values": [["x" * 50001]]}, **write))
http_error(400, "Invalid values[0][0]: list_value", values.update(**book, range="Log!A1", body={"values": [[[1]]]}, **write))
http_error(404, "Requested entity was not found.", sheets.get(spreadsheetId="no-such-spreadsheet"))

# The tab goes as it came.
properties = {"sheetId": 7, "title": "Old log", "index": 0, "gridProperties": {"frozenRowCount": 1}}
change({"updateSheetProperties": {"properties": properties, "fields": "title,index,gridProperties.frozenRowCount"}}).execute()
named = [sheet["properties"]["title"] for sheet in sheets.get(**book).execute()["sheets"]]
assert named == ["Old log", "Trades"], named
change({"deleteDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}}}, {"deleteSheet": {"sheetId": 7}}).execute()
assert values.get(**book, range="Trades", valueRenderOption="FORMULA").execute()["values"] == [["date", "net"], [45903, "=1+1"]]

error = refused(google.auth.exceptions.RefreshError, lambda: service(private_key=foreign_key()).get(**book).execute())
assert "Invalid JWT Signature." in str(error), error
print("agreed")
