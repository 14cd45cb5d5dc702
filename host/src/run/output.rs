//! What one pipe of az said so far, up to a bound.

/// Collects bytes; past the bound it keeps none and remembers that there were too many.
pub(super) struct Collected {
    bytes: Vec<u8>,
    bound: usize,
    overflow: Overflow,
}

#[derive(PartialEq)]
enum Overflow {
    None,
    Unreported,
    Reported,
}

impl Collected {
    pub(super) fn new(bound: usize) -> Self {
        Self { bytes: Vec::new(), bound, overflow: Overflow::None }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        if self.overflow != Overflow::None {
            return;
        }
        if self.bytes.len().saturating_add(chunk.len()) > self.bound {
            self.bytes = Vec::new();
            self.overflow = Overflow::Unreported;
        } else {
            self.bytes.extend_from_slice(chunk);
        }
    }

    /// True once, after the bound was passed.
    pub(super) fn take_overflow(&mut self) -> bool {
        let fresh = self.overflow == Overflow::Unreported;
        if fresh {
            self.overflow = Overflow::Reported;
        }
        fresh
    }

    pub(super) fn overflowed(&self) -> bool {
        self.overflow != Overflow::None
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
