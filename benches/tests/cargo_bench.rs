//! `cargo bench` of the workspace runs this suite and nothing else.

use std::fs;
use std::path::Path;

/// Cargo would build every other library and program in the bench profile, to
/// run no bench in them, and they would stumble over `-- --quick`.
#[test]
fn no_library_or_program_of_any_member_takes_part_in_cargo_bench() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (_, members) = workspace.split_once("members = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    for member in members.split('"').skip(1).step_by(2) {
        let manifest = fs::read_to_string(root.join(member).join("Cargo.toml")).unwrap();
        let lines = |line| manifest.lines().filter(|found| *found == line).count();
        let targets = lines("[lib]") + lines("[[bin]]");
        assert!(
            targets > 0 && lines("bench = false") == targets,
            "{member}/Cargo.toml: say [lib] or [[bin]], and `bench = false` in each"
        );
    }
}
