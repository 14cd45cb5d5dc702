//! File systems of a test's own, in a mount namespace that goes with the program in it.

/// What a program is started through to have this mounted first; `mount` is a command line of the shell.
#[must_use]
pub fn with_mount(mount: &str) -> Vec<String> {
    let script = format!("{mount} && exec \"$@\"");
    let mut words = vec!["unshare".to_owned(), "--mount".to_owned()];
    if !rustix::process::geteuid().is_root() {
        words.push("--map-root-user".to_owned());
    }
    words.extend(["--", "sh", "-c", &script, "sh"].map(str::to_owned));
    words
}
