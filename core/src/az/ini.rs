//! INI files as Python's `configparser.ConfigParser` reads them, which is how az reads `config` and `clouds.config`.
//!
//! Written here because the INI crates need std and differ from configparser in continuation lines, `[DEFAULT]`,
//! duplicates and `%(name)s`: a file that az reads one way and we another would be another account.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use core::mem;

/// A parsed file. Option names are in lower case, values as written.
#[derive(Debug, Default)]
pub(super) struct Ini {
    sections: BTreeMap<String, Options>,
    defaults: Options,
}

pub(super) type Options = BTreeMap<String, String>;

/// Why configparser raises an exception for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    NotUtf8,
    /// The line, counted from 1, that is out of place, malformed, or there twice.
    Line(usize),
    /// A value asked for holds a `%` that is no valid reference.
    Reference,
}

/// The section that lends its options to all others.
const DEFAULT_SECTION: &str = "DEFAULT";

/// How deep references may nest (configparser's `MAX_INTERPOLATION_DEPTH`).
const MAX_DEPTH: usize = 10;

/// How many references one value may take. configparser has no bound; ten values that hold the next one ten times keep it
/// busy for hours.
const MAX_REFERENCES: usize = 1_000;

impl Ini {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let text = core::str::from_utf8(bytes).map_err(|_| Broken::NotUtf8)?;
        let mut reader = Reader::default();
        for (index, line) in text.replace("\r\n", "\n").split(['\n', '\r']).enumerate() {
            reader.read(line).ok_or(Broken::Line(index.saturating_add(1)))?;
        }
        reader.end_option();
        Ok(reader.ini)
    }

    pub(super) fn has_section(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// The value of an option with its references resolved; `None` if there is no such section or option.
    pub(super) fn get(&self, section: &str, option: &str) -> Result<Option<String>, Broken> {
        let Some(options) = self.options(section) else { return Ok(None) };
        let Some(raw) = options.get(option) else { return Ok(None) };
        let (mut value, mut left) = (String::new(), MAX_REFERENCES);
        resolve(raw, &options, &mut value, 1, &mut left)?;
        Ok(Some(value))
    }

    /// A section's options with those of `[DEFAULT]`, values as written.
    pub(super) fn options(&self, section: &str) -> Option<Options> {
        let mut options = self.defaults.clone();
        options.extend(self.sections.get(section)?.clone());
        Some(options)
    }
}

fn resolve(
    raw: &str,
    options: &Options,
    into: &mut String,
    depth: usize,
    left: &mut usize,
) -> Result<(), Broken> {
    if depth > MAX_DEPTH {
        return Err(Broken::Reference);
    }
    let mut rest = raw;
    while let Some((plain, after)) = rest.split_once('%') {
        into.push_str(plain);
        if let Some(after) = after.strip_prefix('%') {
            into.push('%');
            rest = after;
            continue;
        }
        let (name, after) = after
            .strip_prefix('(')
            .and_then(|reference| reference.split_once(')'))
            .ok_or(Broken::Reference)?;
        rest = after.strip_prefix('s').filter(|_| !name.is_empty()).ok_or(Broken::Reference)?;
        let value = options.get(&name.to_lowercase()).ok_or(Broken::Reference)?;
        *left = left.checked_sub(1).ok_or(Broken::Reference)?;
        if value.contains('%') {
            resolve(value, options, into, depth.saturating_add(1), left)?;
        } else {
            into.push_str(value);
        }
    }
    into.push_str(rest);
    Ok(())
}

/// The state between two lines.
#[derive(Default)]
struct Reader {
    ini: Ini,
    seen_sections: BTreeSet<String>,
    seen_options: BTreeSet<(String, String)>,
    section: Option<String>,
    option: Option<(String, String)>,
    indent: usize,
}

impl Reader {
    /// `None` if configparser would raise an exception.
    fn read(&mut self, line: &str) -> Option<()> {
        let content = line.trim_matches(is_space);
        if content.starts_with(['#', ';']) {
            return Some(());
        }
        let indent = line.chars().take_while(|character| is_space(*character)).count();
        if let Some((_, value)) = &mut self.option
            && (content.is_empty() || indent > self.indent)
        {
            value.push('\n');
            value.push_str(content);
            return Some(());
        }
        if content.is_empty() {
            return Some(());
        }
        self.indent = indent;
        match header(content) {
            Some(name) => self.begin_section(name),
            None => self.begin_option(content),
        }
    }

    fn begin_section(&mut self, name: &str) -> Option<()> {
        self.end_option();
        self.section = Some(name.to_owned());
        if name == DEFAULT_SECTION {
            return Some(());
        }
        self.ini.sections.entry(name.to_owned()).or_default();
        self.seen_sections.insert(name.to_owned()).then_some(())
    }

    fn begin_option(&mut self, content: &str) -> Option<()> {
        self.end_option();
        let section = self.section.clone()?;
        let (name, value) = content.split_once(['=', ':'])?;
        let name = name.trim_end_matches(is_space).to_lowercase();
        let is_new = self.seen_options.insert((section, name.clone()));
        let is_valid = !name.is_empty() && is_new;
        self.option = Some((name, value.trim_matches(is_space).to_owned()));
        is_valid.then_some(())
    }

    fn end_option(&mut self) {
        let (Some((name, mut value)), Some(section)) = (mem::take(&mut self.option), self.section.as_deref())
        else {
            return;
        };
        value.truncate(value.trim_end_matches(is_space).len());
        let options = match section {
            DEFAULT_SECTION => Some(&mut self.ini.defaults),
            named => self.ini.sections.get_mut(named),
        };
        if let Some(options) = options {
            options.insert(name, value);
        }
    }
}

/// The name between the brackets; what follows the last closing one does not count.
fn header(content: &str) -> Option<&str> {
    let (name, _) = content.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

/// Python's `str.isspace`: Unicode's white space and the four ASCII separators.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}
