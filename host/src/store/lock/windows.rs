//! Byte-range locks of Windows, which belong to the handle that took them.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;

use windows::Win32::Foundation::{ERROR_LOCK_VIOLATION, HANDLE};
use windows::Win32::Storage::FileSystem::{
    LOCK_FILE_FLAGS, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, UnlockFileEx,
};
use windows::Win32::System::IO::{OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0};

use super::{FILE, Range};

/// At once or not at all, and nobody beside.
const FLAGS: LOCK_FILE_FLAGS = LOCK_FILE_FLAGS(LOCKFILE_EXCLUSIVE_LOCK.0 | LOCKFILE_FAIL_IMMEDIATELY.0);

pub fn file(_range: Range) -> String {
    FILE.to_owned()
}

/// Whether the lock was free and is now this file's.
pub fn try_lock(file: &File, range: Range) -> io::Result<bool> {
    let mut place = place(range);
    // SAFETY: the handle is open, and what is pointed to outlives the call, which does not wait.
    let locked = unsafe { LockFileEx(HANDLE(file.as_raw_handle()), FLAGS, None, 1, 0, &raw mut place) };
    match locked {
        Ok(()) => Ok(true),
        Err(error) if error.code() == ERROR_LOCK_VIOLATION.to_hresult() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub fn unlock(file: &File, range: Range) -> io::Result<()> {
    let mut place = place(range);
    // SAFETY: as above.
    unsafe { UnlockFileEx(HANDLE(file.as_raw_handle()), None, 1, 0, &raw mut place) }?;
    Ok(())
}

#[allow(clippy::cast_possible_truncation)]
fn place(range: Range) -> OVERLAPPED {
    let offset = range.offset();
    OVERLAPPED {
        Anonymous: OVERLAPPED_0 {
            Anonymous: OVERLAPPED_0_0 { Offset: offset as u32, OffsetHigh: (offset >> 32) as u32 },
        },
        ..OVERLAPPED::default()
    }
}
