"""Gets a token with azure-identity, which keeps it in a file by way of msal-extensions.

usage: persistent_msal.py AUTHORITY TENANT CLIENT SECRET SCOPE
"""

import sys

from azure.identity import ClientSecretCredential, TokenCachePersistenceOptions

authority, tenant, client, secret, scope = sys.argv[1:]
# Without a desktop there is no vault that msal-extensions could use.
kept = TokenCachePersistenceOptions(allow_unencrypted_storage=True)
credential = ClientSecretCredential(
    tenant, client, secret, authority=authority, disable_instance_discovery=True, cache_persistence_options=kept
)
credential.get_token(scope)
