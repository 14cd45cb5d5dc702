"""Times AzureCliCredential.get_token with either of two PATHs by turns: one JSON of lists of seconds, a list for each PATH.

usage: az_credential.py SCOPE ROUNDS PATH RUNS [PATH RUNS ...]
"""

import json
import os
import statistics
import sys
import time

from azure.identity import AzureCliCredential


def main():
    scope, rounds, *rest = sys.argv[1:]
    paths = list(zip(rest[::2], (int(runs) for runs in rest[1::2])))
    credential = AzureCliCredential()
    seconds = [[] for _ in paths]
    for _ in range(int(rounds)):
        for (path, runs), samples in zip(paths, seconds):
            os.environ["PATH"] = path
            samples.append(statistics.median(timed(credential, scope) for _ in range(runs)))
    print(json.dumps(seconds))


def timed(credential, scope):
    began = time.perf_counter()
    credential.get_token(scope)
    return time.perf_counter() - began


main()
