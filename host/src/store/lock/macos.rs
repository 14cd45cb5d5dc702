//! Locks of whole files: macOS has no byte ranges that belong to an open file, so entries share a bounded number of files.

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{FILE, Range};

/// How many files the fetch locks are spread over: two entries in one file wait for each other, no more.
const SHARDS: u64 = 256;

pub fn file(range: Range) -> String {
    match range {
        Range::Keys => format!("{FILE}.keys"),
        Range::Save => format!("{FILE}.save"),
        Range::Fetch(place) => format!("{FILE}.fetch.{:02x}", place % SHARDS),
        Range::Slot(slot, place) => format!("{FILE}.slot{slot}.{:02x}", place % SHARDS),
    }
}

/// Whether the lock was free and is now this file's.
pub fn try_lock(file: &File, _range: Range) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub fn unlock(file: &File, _range: Range) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingUnlock)?)
}
