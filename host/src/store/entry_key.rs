//! What a token is kept under: every part that tells one token from another, none of them a secret.

use std::fmt;

/// The parts, each behind its length, so that no two lists of parts give the same bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey(Vec<u8>);

impl EntryKey {
    /// Joins the parts: each is four bytes of length, the highest first, and then its bytes.
    ///
    /// # Panics
    /// When a part has 4 GiB or more.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn from_parts(parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
        for part in parts {
            let length = u32::try_from(part.len()).expect("a part has less than 4 GiB");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Self(bytes)
    }

    /// The key with exactly these bytes; `None` when they are no list of parts.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = first_part(rest)?;
        }
        Some(Self(bytes.to_vec()))
    }

    /// The parts that it was made from.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (part, behind) = first_part(rest)?;
            rest = behind;
            Some(part)
        })
    }

    /// The bytes that names and locks are made from.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts().map(String::from_utf8_lossy)).finish()
    }
}

fn first_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_and_no_two_lists_share_bytes() {
        let lists: [&[&[u8]]; 7] =
            [&[], &[b""], &[b"", b""], &[b"ab"], &[b"a", b"b"], &[b"ab", b""], &[b"\0\0\0\x01a"]];
        for (index, parts) in lists.iter().enumerate() {
            let key = EntryKey::from_parts(parts);
            assert_eq!(key.parts().collect::<Vec<_>>(), *parts);
            assert_eq!(EntryKey::from_bytes(key.as_bytes()), Some(key.clone()));
            for other in &lists[index + 1..] {
                assert_ne!(key, EntryKey::from_parts(other));
            }
        }
    }

    #[test]
    fn bytes_that_are_no_list_of_parts_make_no_key() {
        for bytes in [b"a".as_slice(), b"\0\0\0", b"\0\0\0\x02a", b"\0\0\0\x01ab", b"\xFF\xFF\xFF\xFF"] {
            assert_eq!(EntryKey::from_bytes(bytes), None);
        }
    }
}
