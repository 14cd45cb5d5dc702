//! Caches of other Rust libraries, each asked for one hot key of the length that a request of core has.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

use crate::count::{live_bytes, seconds};
use crate::median;

/// 107 bytes: a scope, a tenant and their separators.
pub const KEY: &str = "https://a-resource-with-a-name-of-some-length.vault.azure.net/.default|72f988bf-86f1-41af-91ab-2d7cd011db47";

const TIMES: u32 = 1_000_000;
const ENTRIES: u64 = 1_000_000;

type Token = Arc<(String, SystemTime)>;

pub fn measured() -> Vec<(&'static str, f64)> {
    vec![
        ("moka: ns", moka_nanos()),
        ("quick_cache: ns", quick_cache_nanos()),
        ("azure_identity, ClientSecretCredential: ns", azure_identity_nanos()),
        ("aws-smithy lazy identity cache: ns", smithy_nanos()),
        ("moka: bytes an entry", moka_bytes()),
        ("quick_cache: bytes an entry", quick_cache_bytes()),
    ]
}

fn moka_nanos() -> f64 {
    let cache = moka::sync::Cache::builder()
        .max_capacity(10_000)
        .time_to_live(Duration::from_secs(3_600))
        .build();
    cache.insert(KEY.to_owned(), token());
    nanos(|| black_box(cache.get(black_box(KEY))).is_some())
}

fn quick_cache_nanos() -> f64 {
    let cache = quick_cache::sync::Cache::new(10_000);
    cache.insert(KEY.to_owned(), token());
    nanos(|| black_box(cache.get(black_box(KEY))).is_some_and(|token: Token| token.1 > SystemTime::now()))
}

fn smithy_nanos() -> f64 {
    let cache = IdentityCache::lazy().build();
    let components = components();
    let resolver = SharedIdentityResolver::new(Fixed);
    let bag = ConfigBag::base();
    nanos_async(async || {
        cache.resolve_cached_identity(resolver.clone(), &components, &bag).await.is_ok()
    })
}

fn azure_identity_nanos() -> f64 {
    let transport = Transport::new(Arc::new(FixedAnswer));
    let client_options = ClientOptions { transport: Some(transport), ..ClientOptions::default() };
    let credential = ClientSecretCredential::new(
        "72f988bf-86f1-41af-91ab-2d7cd011db47",
        "client".to_owned(),
        Secret::new("secret"),
        Some(ClientSecretCredentialOptions { client_options }),
    )
    .expect("a credential");
    nanos_async(async || {
        let scopes = ["https://a-resource-with-a-name-of-some-length.vault.azure.net/.default"];
        credential.get_token(&scopes, None).await.is_ok()
    })
}

/// Answers every token request alike, without a network.
#[derive(Debug)]
struct FixedAnswer;

#[async_trait]
impl HttpClient for FixedAnswer {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = r#"{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600,"access_token":"token"}"#;
        Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), body))
    }
}

fn nanos_async(ask: impl AsyncFn() -> bool) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    const FEWER: u32 = TIMES / 10;
    let ask_all = async || {
        for _ in 0..FEWER {
            assert!(black_box(ask().await));
        }
    };
    median(|| seconds(|| runtime.block_on(ask_all())) * 1e9 / f64::from(FEWER))
}

fn components() -> RuntimeComponents {
    RuntimeComponentsBuilder::for_tests()
        .with_time_source(Some(SystemTimeSource::new()))
        .with_sleep_impl(Some(TokioSleep::new()))
        .build()
        .expect("all components")
}

#[derive(Debug)]
struct Fixed;

impl ResolveIdentity for Fixed {
    fn resolve_identity<'a>(&'a self, _: &'a RuntimeComponents, _: &'a ConfigBag) -> IdentityFuture<'a> {
        let expires = SystemTime::now() + Duration::from_secs(3_600);
        let credentials = Credentials::new("id", "secret", None, Some(expires), "bench");
        IdentityFuture::ready(Ok(Identity::new(credentials, Some(expires))))
    }
}

fn moka_bytes() -> f64 {
    let before = live_bytes();
    let cache = moka::sync::Cache::new(ENTRIES);
    (0..ENTRIES).for_each(|number| cache.insert(number, SystemTime::now()));
    cache.run_pending_tasks();
    (live_bytes() - before) as f64 / cache.entry_count() as f64
}

fn quick_cache_bytes() -> f64 {
    let before = live_bytes();
    let cache = quick_cache::sync::Cache::new(ENTRIES as usize);
    (0..ENTRIES).for_each(|number| cache.insert(number, SystemTime::now()));
    (live_bytes() - before) as f64 / cache.len() as f64
}

fn nanos(mut ask: impl FnMut() -> bool) -> f64 {
    let mut ask_all = || (0..TIMES).for_each(|_| assert!(ask()));
    median(|| seconds(&mut ask_all) * 1e9 / f64::from(TIMES))
}

fn token() -> Token {
    Arc::new(("token".repeat(300), SystemTime::now() + Duration::from_secs(3_600)))
}
