//! The two base64 forms az and its tokens use: standard with padding out, URL-safe without padding in.

use alloc::string::String;
use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding (RFC 4648 section 4).
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .zip([16, 8, 0])
            .fold(0_u32, |group, (byte, shift)| group | (u32::from(*byte) << shift));
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            text.push(if place > chunk.len() { '=' } else { digit(group >> shift) });
        }
    }
    text
}

/// URL-safe base64 (RFC 4648 section 5); padding may be missing. `None` if it is not.
pub(super) fn decode_url(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len());
    for chunk in digits.chunks(4) {
        let mut group = 0_u32;
        for (digit, shift) in chunk.iter().zip([18, 12, 6, 0]) {
            group |= value(*digit)? << shift;
        }
        let [_, first, second, third] = group.to_be_bytes();
        match chunk.len() {
            4 => bytes.extend([first, second, third]),
            3 => bytes.extend([first, second]),
            2 => bytes.push(first),
            _ => return None,
        }
    }
    Some(bytes)
}

fn digit(group: u32) -> char {
    let index = usize::try_from(group & 63).unwrap_or(0);
    ALPHABET.get(index).map_or('=', |byte| char::from(*byte))
}

fn value(digit: u8) -> Option<u32> {
    let plain = match digit {
        b'-' => b'+',
        b'_' => b'/',
        b'+' | b'/' => return None,
        other => other,
    };
    let index = ALPHABET.iter().position(|candidate| *candidate == plain)?;
    u32::try_from(index).ok()
}
