"""A moto server of one's own: on a port nobody else is given, ended with whoever started it."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

from stack import REGION, ROOT


class Moto:
    """The server, running while the `with` lasts."""

    def __enter__(self):
        program = os.environ.get("GAMMA_MOTO_SERVER") or str(ROOT / ".venv/bin/moto_server")
        if not Path(program).exists():
            raise FileNotFoundError(f"{program}: not there; scripts/check-template makes it, or set GAMMA_MOTO_SERVER")
        # Bound and never listening: nobody else is given the port, while the server, which asks for a shared address as this does, can
        # listen at it.
        self._port = socket.socket()
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port.bind(("127.0.0.1", 0))
        port = self._port.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        # Local AWS only: no request may go to the instance's own services, or to a real account.
        environment = {"PATH": os.environ.get("PATH", ""), "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"}
        self._server = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", str(port)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._server.kill()
        self._server.wait()
        self._port.close()

    def _ready(self):
        for _ in range(600):
            if self._server.poll() is not None:
                raise ChildProcessError(f"moto_server ended at once: {self._server.returncode}")
            try:
                urllib.request.urlopen(f"{self.endpoint}/moto-api/data.json", timeout=5).close()
                return
            except (urllib.error.URLError, TimeoutError):
                time.sleep(0.05)
        raise TimeoutError("moto_server did not answer within half a minute")


def clients(endpoint, region=REGION):
    """A function that gives a client of a service at this endpoint, each made once."""
    made = {}
    # moto loads a service's code on its first request.
    config = Config(connect_timeout=10, read_timeout=120, retries={"max_attempts": 1})

    def client(service):
        if service not in made:
            made[service] = boto3.client(
                service, endpoint_url=endpoint, region_name=region, aws_access_key_id="local", aws_secret_access_key="local", config=config
            )
        return made[service]

    return client
