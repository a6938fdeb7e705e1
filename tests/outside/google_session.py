"""What both public clients of Google's start with, for the programs beside this file.

Reads a JSON object on standard input: google_url, service_account (the key file), spreadsheet (an id).
"""

import json
import sys

from google.oauth2 import service_account

given = json.load(sys.stdin)
SCOPES = ["https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive"]


def credentials(**changed):
    """The service account as google-auth reads it. Its assertions go to the token_uri of the file, which is the simulator's."""
    return service_account.Credentials.from_service_account_info({**given["service_account"], **changed}, scopes=SCOPES)


def foreign_key():
    """A key of the right kind that the account does not have."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def refused(kind, call):
    """The error that `call` must raise."""
    try:
        answer = call()
    except kind as error:
        return error
    raise AssertionError(f"not refused: {answer}")
