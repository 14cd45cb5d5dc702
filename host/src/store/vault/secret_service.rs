//! Keys in the Secret Service of a desktop session: only while it is unlocked, and never with a question to the user.
//!
//! The protocol is `org.freedesktop.Secret` 0.2; secrets cross the user's own bus unencrypted, as that protocol allows.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::{DynamicDeserialize, DynamicType, ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zeroize::Zeroizing;

use super::{APPLICATION, Refusal, Surroundings, Vault, VaultKey};
use crate::store::place::session_bus;

/// How long each use of the service may take.
const PATIENCE: Duration = Duration::from_millis(250);
const SERVICE: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
/// The path that stands for none.
const NONE: &str = "/";

/// An unlocked default collection, and a session to pass secrets in.
#[derive(Clone, Debug)]
pub struct SecretService {
    connection: Connection,
    session: OwnedObjectPath,
    collection: OwnedObjectPath,
}

/// A secret as the protocol passes it: session, parameters of its encryption, value, media type.
type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

impl SecretService {
    pub fn reach(surroundings: &Surroundings) -> Result<Self, Refusal> {
        let address = session_bus(&surroundings.environment).ok_or(Refusal::NoSession)?;
        in_time(move || Self::connect(&address))
    }

    fn connect(address: &str) -> Result<Self, Refusal> {
        let connection = Builder::address(address)
            .and_then(|builder| builder.method_timeout(PATIENCE).build())
            .map_err(|_| Refusal::NoSession)?;
        if !is_running(&connection)? {
            return Err(Refusal::NoSession);
        }
        let (_, session): (OwnedValue, OwnedObjectPath) =
            answer(&connection, ROOT, "Service", "OpenSession", &("plain", Value::from("")))?;
        let collection: OwnedObjectPath = answer(&connection, ROOT, "Service", "ReadAlias", &("default",))?;
        if collection.as_str() == NONE || is_locked(&connection, &collection)? {
            return Err(Refusal::Locked);
        }
        Ok(Self { connection, session, collection })
    }

    fn find_now(&self, id: &str) -> Result<Option<VaultKey>, Refusal> {
        let items: Vec<OwnedObjectPath> =
            answer(&self.connection, &self.collection, "Collection", "SearchItems", &(attributes(id),))?;
        let Some(item) = items.first() else {
            return Ok(None);
        };
        let (_, _, secret, _): Secret =
            answer(&self.connection, item, "Item", "GetSecret", &(&self.session,))?;
        Ok(VaultKey::from_bytes(&Zeroizing::new(secret)))
    }

    fn keep_now(&self, id: &str, key: &VaultKey) -> Result<(), Refusal> {
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Value::from(format!("{APPLICATION} {id}"))),
            ("org.freedesktop.Secret.Item.Attributes", Value::from(attributes(id))),
        ]);
        let secret = (&self.session, Vec::<u8>::new(), key.as_bytes(), "application/octet-stream");
        let replace = false;
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = answer(
            &self.connection,
            &self.collection,
            "Collection",
            "CreateItem",
            &(properties, secret, replace),
        )?;
        if prompt.as_str() == NONE { Ok(()) } else { Err(Refusal::Locked) }
    }
}

impl Vault for SecretService {
    fn find(&self, id: &str) -> Result<Option<VaultKey>, Refusal> {
        let (service, id) = (self.clone(), id.to_owned());
        in_time(move || service.find_now(&id))
    }

    fn keep(&self, id: &str, key: &VaultKey) -> Result<(), Refusal> {
        let (service, id, key) = (self.clone(), id.to_owned(), key.clone());
        in_time(move || service.keep_now(&id, &key))
    }
}

fn attributes(id: &str) -> HashMap<&str, &str> {
    HashMap::from([("xdg:schema", APPLICATION), ("key-id", id)])
}

/// On a thread of its own: connecting knows no limit. A thread that is late is left behind, and its answer is dropped.
fn in_time<T: Send + 'static>(
    use_it: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("azure-token-cache vault".into())
        .spawn(move || sender.send(use_it()))
        .map_err(|error| Refusal::Refused(error.kind()))?;
    receiver.recv_timeout(PATIENCE).unwrap_or(Err(Refusal::TooSlow))
}

/// Asked first, so that no call starts the service: one that nobody has unlocked yet is of no use.
fn is_running(connection: &Connection) -> Result<bool, Refusal> {
    let bus = "org.freedesktop.DBus";
    ask(connection, bus, "/org/freedesktop/DBus", bus, "NameHasOwner", &(SERVICE,))
}

fn is_locked(connection: &Connection, collection: &ObjectPath<'_>) -> Result<bool, Refusal> {
    let property = ("org.freedesktop.Secret.Collection", "Locked");
    let locked: OwnedValue =
        ask(connection, SERVICE, collection, "org.freedesktop.DBus.Properties", "Get", &property)?;
    bool::try_from(locked).map_err(|_| Refusal::Refused(ErrorKind::InvalidData))
}

/// What a part of the service answers.
fn answer<T: for<'d> DynamicDeserialize<'d>>(
    connection: &Connection,
    path: &str,
    part: &str,
    method: &str,
    arguments: &(impl serde::Serialize + DynamicType),
) -> Result<T, Refusal> {
    ask(connection, SERVICE, path, &format!("org.freedesktop.Secret.{part}"), method, arguments)
}

fn ask<T: for<'d> DynamicDeserialize<'d>>(
    connection: &Connection,
    destination: &str,
    path: &str,
    interface: &str,
    method: &str,
    arguments: &(impl serde::Serialize + DynamicType),
) -> Result<T, Refusal> {
    let reply = connection
        .call_method(Some(destination), path, Some(interface), method, arguments)
        .map_err(|error| refusal(&error))?;
    reply.body().deserialize().map_err(|error| refusal(&error))
}

fn refusal(error: &zbus::Error) -> Refusal {
    const IS_LOCKED: &str = "org.freedesktop.Secret.Error.IsLocked";
    match error {
        zbus::Error::MethodError(name, ..) if name.as_str() == IS_LOCKED => Refusal::Locked,
        zbus::Error::InputOutput(error) => refused(error),
        _ => Refusal::Refused(ErrorKind::Other),
    }
}

fn refused(error: &io::Error) -> Refusal {
    match error.kind() {
        ErrorKind::TimedOut => Refusal::TooSlow,
        kind => Refusal::Refused(kind),
    }
}
