"""A mail server on this machine, by aiosmtpd, that tells what was done to it.

Reads one line of JSON: user, password, offer ("starttls" or "plain"). Prints one line of JSON with its port and the certificate to trust,
then one for each login that was tried and for each message taken. Ends with its input.
"""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import json
import logging
import ssl
import sys
import tempfile
import warnings

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# What it warns of is meant here: logins in the clear, on this machine, and clients that hang up.
logging.getLogger("mail").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")

given = json.loads(sys.stdin.readline())


def tell(**what):
    print(json.dumps(what), flush=True)


def signed(subject, key, issuer, issuer_key, extensions):
    """A certificate good from yesterday until tomorrow."""
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
    for extension, critical in extensions:
        made = made.add_extension(extension, critical)
    return made.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def tls():
    """A context with a new certificate for this machine, and the authority that signed it."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = signed("test root", root_key, "test root", root_key, [(x509.BasicConstraints(ca=True, path_length=0), True)])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
    leaf = signed("localhost", key, "test root", root_key, [(names, False), (usage, False)])
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile() as chain:
        chain.write(private + leaf)
        chain.flush()
        context.load_cert_chain(chain.name)
    return context, root.decode()


def login(server, session, envelope, mechanism, data):
    right = (data.login.decode(), data.password.decode()) == (given["user"], given["password"])
    tell(login=data.login.decode(), right=right, encrypted=session.ssl is not None)
    return AuthResult(success=right, handled=False)


class Taker:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tell(
            sender=envelope.mail_from, recipients=envelope.rcpt_tos, encrypted=session.ssl is not None, subject=message["subject"],
            headers=sorted(name.lower() for name in message.keys()), text=message.get_content().replace("\r\n", "\n"),
        )
        return "250 taken"


async def main():
    context, root = tls() if given["offer"] == "starttls" else (None, None)
    loop = asyncio.get_running_loop()

    def session():
        return SMTP(
            Taker(), hostname="localhost", tls_context=context, require_starttls=context is not None, authenticator=login, auth_required=True,
            auth_require_tls=context is not None,
        )

    server = await loop.create_server(session, "127.0.0.1", 0)
    tell(port=server.sockets[0].getsockname()[1], root=root)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
