"""Follow the feed, and sign every order that is dispatched to the unit.

    JIESU_URL=https://hotline.example.gov.cn JIESU_CLIENT=… JIESU_SECRET=… python follow.py place.json

The place in the feed is kept in the file. It is written after a page was worked through, so a machine that dies begins
that page again: whatever is done here may be done twice, and the Idempotency-Key makes it once. Needs httpx.
"""

import json
import os
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx

PAUSE = 5  # seconds between two looks at a feed that had nothing new


class ClientCredentials(httpx.Auth):
    """Gets a token when there is none, and a new one when the old one is refused."""

    def __init__(self, url: str, client: str, secret: str) -> None:
        self.ask = httpx.Request(
            "POST",
            f"{url}/oauth/token/",
            data={"grant_type": "client_credentials", "client_id": client, "client_secret": secret},
        )
        self.token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
            if (yield request).status_code != 401:
                return
        answer = yield self.ask
        if answer.status_code != 200:
            return  # the caller sees why
        answer.read()
        self.token = answer.json()["access_token"]
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


def call(api: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    """Tries again for as long as it takes, where trying again can help."""
    while True:
        try:
            answer = api.request(method, path, **options)
        except httpx.TransportError as problem:
            wait, why = PAUSE, repr(problem)
        else:
            if answer.status_code != 429 and answer.status_code < 500:
                return answer
            wait, why = int(answer.headers.get("Retry-After", PAUSE)), str(answer.status_code)
        print(f"{method} {path}: {why}, again in {wait} s", file=sys.stderr)
        time.sleep(wait)


def events(api: httpx.Client, place: Path, *, for_ever: bool) -> Iterator[dict[str, Any]]:
    while True:
        kept = json.loads(place.read_text()) if place.exists() else {}
        page = call(api, "GET", "events/", params=kept).raise_for_status().json()
        yield from page["results"]
        new = place.with_suffix(".new")
        new.write_text(json.dumps({"after": page["next"]}))
        new.replace(place)
        if not page["more"]:
            if not for_ever:
                return
            time.sleep(PAUSE)


def sign(api: httpx.Client, number: str, version: int) -> None:
    key = {"Idempotency-Key": f"sign-{number}-{version}"}
    answer = call(api, "POST", f"workorders/{number}/sign/", json={}, headers=key)
    if answer.status_code in (403, 404, 409):  # co-handled, taken back or signed by somebody meanwhile
        print(f"{number}: {answer.json()['detail']}")
        return
    print(f"{number}: {answer.raise_for_status().json()['order']['status']}")


def main(place: str, *options: str) -> None:
    url = os.environ["JIESU_URL"].rstrip("/")
    auth = ClientCredentials(url, os.environ["JIESU_CLIENT"], os.environ["JIESU_SECRET"])
    with httpx.Client(base_url=f"{url}/api/v1/", auth=auth, timeout=30) as api:
        for event in events(api, Path(place), for_ever="--once" not in options):
            if event["target"] == "dispatched" and event["source"] != "dispatched":
                sign(api, event["order"], event["version"])


if __name__ == "__main__":
    main(*sys.argv[1:])
