//! Witnesses and file systems on Linux and macOS.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// A path, and the form in which the system takes it.
#[derive(Debug)]
pub struct Name {
    path: PathBuf,
    /// `None`: a path with a NUL in it, which names nothing.
    text: Option<CString>,
}

impl Name {
    pub fn new(path: PathBuf) -> Self {
        let text = CString::new(path.as_os_str().as_bytes()).ok();
        Self { path, text }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What `stat` says of a file. Size and modification time alone collide: `cp -p`, restored homes, image layers, two
/// writes in one clock tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: i64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Stamp {
    /// All of it, for a digest.
    pub fn words(&self) -> [u64; 7] {
        let (modified, changed) = (self.modified, self.changed);
        let size = self.size.cast_unsigned();
        let (modified_seconds, changed_seconds) = (modified.0.cast_unsigned(), changed.0.cast_unsigned());
        [self.device, self.inode, size, modified_seconds, modified.1, changed_seconds, changed.1]
    }

    /// Rounded up: what is so many milliseconds old must be at least that.
    pub fn written_unix_ms(&self) -> i64 {
        let (seconds, nanoseconds) = self.modified.max(self.changed);
        let milliseconds = i64::try_from(nanoseconds.div_ceil(1_000_000)).unwrap_or(0);
        seconds.saturating_mul(1_000).saturating_add(milliseconds)
    }
}

// What a `stat` field is called is the same everywhere, what type it has is not.
#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, clippy::cast_lossless)]
pub fn stamp(name: &Name) -> Result<Stamp, ErrorKind> {
    let text = name.text.as_deref().ok_or(ErrorKind::NotFound)?;
    let stat = rustix::fs::stat(text).map_err(|error| io::Error::from(error).kind())?;
    Ok(Stamp {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        size: stat.st_size as i64,
        modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
    })
}

/// Opens for reading without waiting: a pipe in the file's place must not hold the caller up.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

/// `None`: there is nothing at this path.
#[cfg(not(target_os = "macos"))]
#[allow(clippy::unnecessary_cast, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn is_remote(path: &Path) -> Option<bool> {
    // The numbers of statfs(2) and linux/magic.h are 32 bits; the field that holds them is signed on some systems.
    Some(is_remote_kind(rustix::fs::statfs(path).ok()?.f_type as u32))
}

#[cfg(not(target_os = "macos"))]
fn is_remote_kind(kind: u32) -> bool {
    REMOTE.contains(&kind)
}

/// AFS, Ceph, CIFS, Coda, FUSE (virtiofs too), GPFS, Lustre, NCP, NFS, OCFS2, 9P, SMB, SMB2, vboxsf.
#[cfg(not(target_os = "macos"))]
const REMOTE: [u32; 14] = [
    0x5346_414F,
    0x00C3_6400,
    0xFF53_4D42,
    0x7375_7245,
    0x6573_5546,
    0x4750_4653,
    0x0BD0_0BD0,
    0x564C,
    0x6969,
    0x7461_636F,
    0x0102_1997,
    0x517B,
    0xFE53_4D42,
    0x786F_4256,
];

/// `None`: there is nothing at this path.
#[cfg(target_os = "macos")]
pub fn is_remote(path: &Path) -> Option<bool> {
    /// `MNT_LOCAL` of sys/mount.h.
    const LOCAL: u32 = 0x1000;
    let system = rustix::fs::statfs(path).ok()?;
    let fuse = system.f_fstypename.windows(4).any(|part| part.iter().map(|c| c.cast_unsigned()).eq(*b"fuse"));
    Some(system.f_flags & LOCAL == 0 || fuse)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use nix::libc;

    use super::*;

    #[test]
    #[allow(clippy::unnecessary_cast, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn what_another_machine_or_a_program_serves_is_remote_and_what_the_kernel_keeps_is_not() {
        let remote = [
            ("AFS", libc::AFS_SUPER_MAGIC as u32),
            ("Coda", libc::CODA_SUPER_MAGIC as u32),
            ("FUSE", libc::FUSE_SUPER_MAGIC as u32),
            ("NCP", libc::NCP_SUPER_MAGIC as u32),
            ("NFS", libc::NFS_SUPER_MAGIC as u32),
            ("OCFS2", libc::OCFS2_SUPER_MAGIC as u32),
            ("SMB", libc::SMB_SUPER_MAGIC as u32),
            // Of these libc has no constants.
            ("Ceph", u32::from_be_bytes([0x00, 0xC3, 0x64, 0x00])),
            ("CIFS", u32::from_be_bytes(*b"\xFFSMB")),
            ("SMB2", u32::from_be_bytes(*b"\xFESMB")),
            ("9P", 0x0102_1997),
            ("vboxsf", u32::from_be_bytes(*b"xoBV")),
        ];
        let local = [
            ("Btrfs", libc::BTRFS_SUPER_MAGIC as u32),
            ("ext4", libc::EXT4_SUPER_MAGIC as u32),
            ("F2FS", libc::F2FS_SUPER_MAGIC as u32),
            ("overlayfs", libc::OVERLAYFS_SUPER_MAGIC as u32),
            ("tmpfs", libc::TMPFS_MAGIC as u32),
            ("XFS", libc::XFS_SUPER_MAGIC as u32),
            ("ZFS", 0x2FC1_2FC1),
        ];
        for (name, kind) in remote {
            assert!(is_remote_kind(kind), "{name}");
        }
        for (name, kind) in local {
            assert!(!is_remote_kind(kind), "{name}");
        }
    }
}
