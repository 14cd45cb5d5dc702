"""Gets a token with azure-identity, which keeps it by way of msal-extensions: in a file, sealed by the desktop's keyring.

usage: persistent_msal.py AUTHORITY TENANT CLIENT SECRET SCOPE
"""

import sys

from azure.identity import ClientSecretCredential, TokenCachePersistenceOptions

authority, tenant, client, secret, scope = sys.argv[1:]
credential = ClientSecretCredential(
    tenant,
    client,
    secret,
    authority=authority,
    disable_instance_discovery=True,
    cache_persistence_options=TokenCachePersistenceOptions(),
)
credential.get_token(scope)
