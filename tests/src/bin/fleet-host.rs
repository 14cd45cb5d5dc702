//! One host of a fleet on a real Redis server; `redis_fleet` starts it.

use std::error::Error;

use azure_token_cache_tests::redis_fleet::{Member, be_member};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let member = Member::read(&arguments).ok_or("it takes what redis_fleet gives it")?;
    be_member(&member)
}
