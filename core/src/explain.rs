//! Which line of the decision table answers, and why: for a person, and for a test.

use crate::entry::{DueReason, Zone};

/// The state of an entry at a moment. Asking for it changes nothing. Times are milliseconds from that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The line of the table.
    pub zone: Zone,
    /// Why the token is due, where it is.
    pub due: Option<DueReason>,
    /// How long the token still lives; `None` where none is held.
    pub left: Option<i64>,
    /// For how long no attempt may begin; 0: one may.
    pub gate_closed_for: i64,
    /// For how long the last failure answers; 0: it does not.
    pub memory_lasts: i64,
    /// A fetch is under way.
    pub in_flight: bool,
}
