//! What `az version` printed, kept for as long as az and its folder of extensions are the same.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use azure_token_cache_core::az::output::{Exit, MAX_OUTPUT_BYTES};
use azure_token_cache_host::run;
use azure_token_cache_host::store::StoreError;

use crate::login::AzLogin;
use crate::obtain::start_az;
use crate::real_az::RealAz;
use crate::shim_folder;
use crate::surroundings::Surroundings;

/// The file in the shim's folder.
const FILE: &str = "version";
/// A wrapper stays the same when the az behind it changes: after this long az is asked again.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// az lists its extensions in less than two seconds, or something is wrong with it.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// What az printed and how it ended. `None` where only the real az can tell.
pub fn version(surroundings: &Surroundings) -> Option<run::Answer> {
    // Extensions in a developer's own folders change without a trace.
    if std::env::var_os("AZURE_EXTENSION_DEV_SOURCES").is_some() {
        return None;
    }
    let az = RealAz::find().ok()?;
    let header = header(&az.path, &extensions(surroundings)?)?;
    if let Some(stdout) = kept(&header) {
        return Some(run::Answer { exit: Exit::Code(0), stdout, stderr: Vec::new() });
    }
    AzLogin::read(surroundings, None).let_rest();
    let arguments = ["version", "--output", "json"].map(str::to_owned).into();
    let answer = start_az(&az, arguments, surroundings, LIMIT).ok()?;
    if answer.exit == Exit::Code(0) && answer.stderr.is_empty() {
        // Whoever could not keep it asks again.
        let _ = keep(&header, &answer.stdout);
    }
    matches!(answer.exit, Exit::Code(_)).then_some(answer)
}

fn extensions(surroundings: &Surroundings) -> Option<PathBuf> {
    match std::env::var_os("AZURE_EXTENSION_DIR") {
        Some(folder) if folder.is_empty() || folder.as_encoded_bytes().starts_with(b"~") => None,
        Some(folder) => Some(surroundings.folder.join(folder)),
        None => Some(surroundings.config_folder.join("cliextensions")),
    }
}

/// What must be the same for the kept text to be az's, as bytes that end with a line.
fn header(az: &Path, extensions: &Path) -> Option<Vec<u8>> {
    let real = az.canonicalize().ok()?;
    let az = stamp(&fs::metadata(&real).ok()?)?;
    let folder = match fs::metadata(extensions) {
        Ok(folder) => stamp(&folder)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => "none".into(),
        Err(_) => return None,
    };
    let mut header = Vec::new();
    for (path, stamp) in [(real.as_path(), az), (extensions, folder)] {
        header.extend_from_slice(path.as_os_str().as_encoded_bytes());
        header.extend_from_slice(format!("\0{stamp}\n").as_bytes());
    }
    Some(header)
}

fn stamp(metadata: &Metadata) -> Option<String> {
    let modified = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(format!("{} {}", modified.as_nanos(), metadata.len()))
}

fn kept(header: &[u8]) -> Option<Vec<u8>> {
    let folder = shim_folder::find().ok()??;
    let age = SystemTime::now().duration_since(folder.written(FILE)?).ok()?;
    let bytes = folder.read(FILE, header.len() + MAX_OUTPUT_BYTES)?;
    let stdout = bytes.strip_prefix(header)?;
    (age < LIFE && !stdout.is_empty()).then(|| stdout.to_vec())
}

fn keep(header: &[u8], stdout: &[u8]) -> Result<(), StoreError> {
    shim_folder::made()?.replace(FILE, &[header, stdout].concat())
}
