"""Plays random scripts on the real GetTokenMixin of azure-identity, whose clock is mocked: one JSON a line.

usage: get_token_mixin.py SEED COUNT STEPS
"""

import json
import logging
import random
import sys
import types

from azure.core.credentials import AccessTokenInfo
from azure.identity import __version__
from azure.identity._internal import get_token_mixin, utils

START = 1_700_000_000


class Clock(types.SimpleNamespace):
    """Stands for the module `time` where azure-identity asks it for the time."""

    def __init__(self):
        super().__init__(now=START)

    def time(self):
        return float(self.now)


class Refused(Exception):
    """What a scripted source answers where it has no token."""


class ScriptedCredential(get_token_mixin.GetTokenMixin):
    """Holds the last token that its script gave it."""

    def __init__(self):
        super().__init__()
        self.held = None
        self.next = None
        self.requests = 0

    def _acquire_token_silently(self, *scopes, **kwargs):
        return self.held

    def _request_token(self, *scopes, **kwargs):
        self.requests += 1
        if self.next is None:
            raise Refused()
        self.held = self.next
        return self.held


def play(seed, steps, clock):
    dice = random.Random(seed)
    clock.now = START
    credential = ScriptedCredential()
    played = []
    for number in range(steps):
        seconds = dice.choice([0, 1, 2, 28, 29, 30, 31, 60, 298, 300, 302, 600, 1800, 3300])
        clock.now += seconds
        lifetime = dice.choice([1, 30, 299, 300, 301, 599, 600, 601, 900, 3600, 7200, 86400])
        refresh_in = dice.choice([None, None, -10, 0, 1, lifetime // 2, lifetime - 1, lifetime + 60])
        succeeds = dice.random() < 0.6
        credential.next = succeeds and offered(number, clock.now, lifetime, refresh_in) or None
        requests = credential.requests
        try:
            answer = int(credential.get_token_info("https://vault.azure.net/.default").token)
        except Refused:
            answer = None
        played.append(
            {
                "seconds": seconds,
                "succeeds": succeeds,
                "lifetime": lifetime,
                "refreshIn": refresh_in,
                "requested": credential.requests > requests,
                "answer": answer,
            }
        )
    return played


def offered(number, now, lifetime, refresh_in):
    refresh_on = None if refresh_in is None else now + refresh_in
    return AccessTokenInfo(str(number), now + lifetime, refresh_on=refresh_on)


def main():
    seed, count, steps = (int(argument) for argument in sys.argv[1:])
    logging.disable(logging.CRITICAL)
    clock = Clock()
    get_token_mixin.time = clock
    utils.time = clock
    for number in range(seed, seed + count):
        print(json.dumps({"version": __version__, "seed": number, "steps": play(number, steps, clock)}))


main()
