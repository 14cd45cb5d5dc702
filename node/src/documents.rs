//! `SealedDocuments`: host's documents for JavaScript, such as MSAL's cache, which several processes change at once.

use azure_token_cache_host::store::{Document, Documents, Look, StoreError, StoreOptions};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::store_thread::{
    Complaint, Kind, Opens, SealedStoreOptions, StoreThread, entry_key, store_options,
};

/// What a promise is resolved with. `code` stands where something failed, `version` and `text` where there is a document.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct DocumentReply {
    /// A stable word for the error.
    pub code: Option<String>,
    /// What the error says.
    pub message: Option<String>,
    /// Changes with every change.
    pub version: Option<String>,
    /// A JSON object.
    pub text: Option<String>,
    /// Whether the document is as the caller knows it.
    pub unchanged: Option<bool>,
    /// Why a file that is there was not taken.
    pub flaw: Option<String>,
}

/// The documents of this user. They are opened by the first thing that is asked of them. A promise that was returned keeps
/// the process alive until it is resolved.
#[napi]
pub struct SealedDocuments {
    thread: StoreThread<Documents>,
}

#[napi]
impl SealedDocuments {
    /// Documents that are not open yet.
    #[napi(constructor)]
    #[allow(clippy::needless_pass_by_value)]
    pub fn new(options: SealedStoreOptions) -> napi::Result<Self> {
        Ok(Self { thread: StoreThread::start(store_options(&options)?)? })
    }

    /// Opens them, to learn whether they can be used.
    #[napi]
    pub fn open<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.thread.ask(env, Kind::Look, |_| Ok(DocumentReply::default()))
    }

    /// Looks at a document, of which the caller knows a version.
    #[napi]
    pub fn load<'env>(&self, env: &'env Env, key: &[u8], known: String) -> napi::Result<Object<'env>> {
        let key = entry_key(key)?;
        self.thread
            .ask(env, Kind::Look, move |documents| documents.load(&key, &known).map(DocumentReply::from))
    }

    /// Makes one of what is there and of a change; `ours` is what the caller made of `base`. What is there afterwards.
    #[napi]
    pub fn merge<'env>(
        &self,
        env: &'env Env,
        key: &[u8],
        base: String,
        ours: String,
    ) -> napi::Result<Object<'env>> {
        let key = entry_key(key)?;
        self.thread.ask(env, Kind::Change, move |documents| {
            documents.merge(&key, &base, &ours).map(DocumentReply::from)
        })
    }

    /// Deletes a document.
    #[napi]
    pub fn remove<'env>(&self, env: &'env Env, key: &[u8]) -> napi::Result<Object<'env>> {
        let key = entry_key(key)?;
        self.thread.ask(env, Kind::Change, move |documents| {
            documents.remove(&key)?;
            Ok(DocumentReply::default())
        })
    }
}

impl Opens for Documents {
    fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        Documents::open(options)
    }
}

impl From<Complaint> for DocumentReply {
    fn from(Complaint { code, message }: Complaint) -> Self {
        Self { code: Some(code.into()), message: Some(message), ..Self::default() }
    }
}

impl From<Look> for DocumentReply {
    fn from(look: Look) -> Self {
        match look {
            Look::Missing => Self::default(),
            Look::Unchanged => Self { unchanged: Some(true), ..Self::default() },
            Look::Found(document) => document.into(),
            Look::Flawed(flaw) => Self { flaw: Some(flaw.to_string()), ..Self::default() },
        }
    }
}

impl From<Document> for DocumentReply {
    fn from(Document { version, text }: Document) -> Self {
        Self { version: Some(version), text: Some(text.to_string()), ..Self::default() }
    }
}
