//! The decision engine of `azure-token-cache`.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
