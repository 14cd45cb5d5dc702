//! What may hold a token shows how long it is in `Debug`, and no byte of it.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::fs;

use azure_token_cache_core::az::output::Exit;
use azure_token_cache_host::run::{Answer, Event};
use azure_token_cache_host::witness::LoginFiles;

const CANARY: &str = "CANARY-1";

#[test]
fn of_what_az_printed() {
    let answer = Answer { exit: Exit::Code(0), stdout: CANARY.into(), stderr: CANARY.into() };
    hides(&Event::Answered(answer));
}

#[test]
fn of_the_files_of_a_login() {
    let path = std::env::temp_dir().join(format!("atc-debug-text-{}", std::process::id()));
    fs::write(&path, CANARY).unwrap();
    let mut files = LoginFiles::new(vec![path.clone()], Vec::new());
    files.read();
    fs::remove_file(path).unwrap();
    assert_eq!(files.contents(0), Ok(Some(CANARY.as_bytes())));
    hides(&files);
}

fn hides(value: &impl Debug) {
    let text = format!("{value:?}");
    assert!(text.contains("8 bytes"), "{text}");
    // As text, and as a list of bytes.
    assert!(!text.contains(CANARY) && !text.contains("67, 65"), "{text}");
}
