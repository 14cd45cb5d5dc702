//! Colours, where a person reads.

use std::io::{self, IsTerminal};

/// Whether to colour.
#[derive(Clone, Copy)]
pub struct Style {
    colours: bool,
}

/// For what goes to standard output.
pub fn for_stdout() -> Style {
    Style { colours: io::stdout().is_terminal() && wants_colours() }
}

/// For what goes to standard error.
pub fn for_stderr() -> Style {
    Style { colours: io::stderr().is_terminal() && wants_colours() }
}

impl Style {
    pub fn good(self, text: &str) -> String {
        self.coloured("32", text)
    }

    pub fn doubtful(self, text: &str) -> String {
        self.coloured("33", text)
    }

    pub fn bad(self, text: &str) -> String {
        self.coloured("31", text)
    }

    pub fn strong(self, text: &str) -> String {
        self.coloured("1", text)
    }

    fn coloured(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// <https://no-color.org>.
fn wants_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A duration as people say it: its two largest units.
pub fn duration(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut left = seconds.max(0);
    let mut said = Vec::new();
    for (unit, length) in units {
        if left >= length && said.len() < 2 {
            said.push(format!("{} {unit}", left / length));
            left %= length;
        } else if !said.is_empty() {
            break;
        }
    }
    if said.is_empty() { "0 s".into() } else { said.join(" ") }
}
