//! Locks of an open file: unlike a process's, two threads exclude each other, and closing another handle frees nothing.

use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, c_int, flock};

use super::{FILE, Range};

pub fn file(_range: Range) -> String {
    FILE.to_owned()
}

/// Whether the lock was free and is now this file's.
pub fn try_lock(file: &File, range: Range) -> io::Result<bool> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&lock(F_WRLCK, range)?)) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub fn unlock(file: &File, range: Range) -> io::Result<()> {
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock(F_UNLCK, range)?))?;
    Ok(())
}

fn lock(kind: c_int, range: Range) -> io::Result<flock> {
    Ok(flock {
        l_type: kind.try_into().map_err(io::Error::other)?,
        l_whence: SEEK_SET.try_into().map_err(io::Error::other)?,
        l_start: range.offset().try_into().map_err(io::Error::other)?,
        l_len: 1,
        l_pid: 0,
    })
}
