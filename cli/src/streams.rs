//! What this program writes: a reader who went away is no failure, an answer that could not be written is one.

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind, Write};

/// An answer that is not on standard output, or not all of it.
#[derive(Debug)]
pub struct Unwritten(io::Error);

/// Writes all of an answer to standard output.
pub fn answer(bytes: &[u8]) -> Result<(), Unwritten> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Unwritten(error)),
        _ => Ok(()),
    }
}

/// Says a line on standard error. Where that cannot be written there is nobody to tell.
pub fn say(line: impl Display) {
    pass_on(format!("{line}\n").as_bytes());
}

/// Writes to standard error what az said there.
pub fn pass_on(said: &[u8]) {
    let _ = io::stderr().write_all(said);
}

impl Display for Unwritten {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "standard output cannot be written: {}", self.0)
    }
}
