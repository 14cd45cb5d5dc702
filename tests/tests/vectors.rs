//! The vectors of `tests/vectors`, step by step through core. `BLESS=1` writes what core says into them: read the diff.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use azure_token_cache_tests::script::play;
use serde_json::Value;

#[test]
fn core_says_what_the_vectors_say() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|file| file.map(|file| file.path())).collect::<Result<_, _>>()?;
    files.sort();
    assert!(files.len() > 3, "the vectors are there");
    for file in files {
        check(&file)?;
    }
    Ok(())
}

fn check(file: &Path) -> Result<(), Box<dyn Error>> {
    let mut scripts: Vec<Value> = serde_json::from_str(&fs::read_to_string(file)?)?;
    let bless = std::env::var_os("BLESS").is_some();
    for script in &mut scripts {
        let lines = play(script)?;
        let name = script["name"].clone();
        let steps = script["steps"].as_array_mut().ok_or("a script has steps")?;
        for (number, (step, line)) in steps.iter_mut().zip(lines).enumerate() {
            if bless {
                step[1] = Value::String(line);
            } else {
                assert_eq!(step[1], line, "{}: {name}, step {number}: {}", file.display(), step[0]);
            }
        }
    }
    if bless {
        fs::write(file, printed(&scripts)?)?;
    }
    Ok(())
}

/// One step a line, as a person would write it.
fn printed(scripts: &[Value]) -> Result<String, Box<dyn Error>> {
    let mut all = Vec::new();
    for script in scripts {
        let mut lines = Vec::new();
        for name in ["name", "policy", "maxEntries", "seed", "kinds"] {
            if !script[name].is_null() {
                lines.push(format!("    \"{name}\": {}", script[name]));
            }
        }
        let steps: Vec<String> = script["steps"]
            .as_array()
            .ok_or("a script has steps")?
            .iter()
            .map(|step| format!("      [{}, {}]", step[0], step[1]))
            .collect();
        lines.push(format!("    \"steps\": [\n{}\n    ]", steps.join(",\n")));
        all.push(format!("  {{\n{}\n  }}", lines.join(",\n")));
    }
    Ok(format!("[\n{}\n]\n", all.join(",\n")))
}
