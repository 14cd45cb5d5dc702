//! Other users: tests of permissions say nothing where root runs them, so that root becomes an ordinary user for them.

use std::path::Path;
use std::process::Command;

/// The user that the tests become when root runs them, and to whom files are given when anyone else does.
pub const NOBODY: u32 = 65_534;

/// An ordinary user, and another one.
#[derive(Clone, Copy, Debug)]
pub struct Ordinary {
    /// The user as whom [`through`](Self::through) starts a program.
    pub user: u32,
    /// Another one, who is not root either.
    pub stranger: u32,
}

impl Ordinary {
    /// Whoever runs the tests, unless that is root.
    #[must_use]
    pub fn find() -> Self {
        match rustix::process::geteuid() {
            me if me.is_root() => Self { user: NOBODY, stranger: NOBODY - 1 },
            me => Self { user: me.as_raw(), stranger: NOBODY },
        }
    }

    /// Makes it this user's, who has it already unless root runs the tests.
    pub fn take(self, path: &Path) {
        if rustix::process::geteuid().is_root() {
            give(path, self.user);
        }
    }

    /// What a program is started through to run as this user.
    #[must_use]
    pub fn through(self) -> Vec<String> {
        if !rustix::process::geteuid().is_root() {
            return Vec::new();
        }
        let user = self.user;
        vec!["setpriv".into(), format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()]
    }
}

/// What a program is started through to run as root with the variables of these names.
#[must_use]
pub fn as_root(variables: &[&str]) -> Vec<String> {
    if rustix::process::geteuid().is_root() {
        return Vec::new();
    }
    let mut words = vec!["sudo".into(), "--non-interactive".into()];
    if !variables.is_empty() {
        words.push(format!("--preserve-env={}", variables.join(",")));
    }
    words
}

/// Makes it, and all that is in it, another user's; an ordinary user needs sudo for that. Links are not followed.
///
/// # Panics
///
/// If that is not possible.
pub fn give(path: &Path, user: u32) {
    let mut words = as_root(&[]);
    words.extend(["chown", "--recursive", "--no-dereference", &user.to_string()].map(str::to_owned));
    let mut words = words.into_iter();
    let status = Command::new(words.next().unwrap()).args(words).arg(path).status();
    assert!(status.unwrap().success(), "{} was not given to {user}", path.display());
}
