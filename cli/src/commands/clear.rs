//! `clear`: deletes every token that is kept.

use lexopt::Parser;

use super::token_options::switches;
use super::{CommandError, help};
use crate::open_store::clear;

pub fn run(parser: &mut Parser) -> Result<String, CommandError> {
    if switches(parser, [])?.is_none() {
        return Ok(help::CLEAR.into());
    }
    let count = clear().map_err(CommandError::Store)?;
    Ok(match count {
        0 => "Nothing was kept.\n".into(),
        1 => "Deleted 1 entry.\n".into(),
        many => format!("Deleted {many} entries.\n"),
    })
}
