//! File systems of a test's own, in a mount namespace that goes with the program in it.

/// What a program is started through to have this mounted first; `mount` is a command line of the shell.
#[must_use]
pub fn with_mount(mount: &str) -> Vec<String> {
    within(&["--mount"], mount)
}

/// The same for a mount that another program serves: that one ends with the first, in whose namespace of processes it is.
#[must_use]
pub fn with_served_mount(mount: &str) -> Vec<String> {
    within(&["--mount", "--pid", "--fork", "--kill-child"], mount)
}

fn within(namespaces: &[&str], mount: &str) -> Vec<String> {
    let script = format!("{mount} && exec \"$@\"");
    let as_root: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["--map-root-user"] };
    let words = [&["unshare"], namespaces, as_root, &["--", "sh", "-c", &script, "sh"]].concat();
    words.into_iter().map(str::to_owned).collect()
}
