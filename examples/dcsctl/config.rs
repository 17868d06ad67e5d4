//! Changes of the dynamic configuration, each decided on what stood there.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use dcs_core::{Config, Dcs, DcsExt as _, Entropy as _, Key, OsEntropy};
use serde_json::{Map, Value};

use crate::args::{Args, Assignment};
use crate::output::no_config;
use crate::source::Live;

/// Sets these settings, whatever else is changed meanwhile.
pub(crate) async fn set(args: &Args, assignments: &[Assignment]) -> anyhow::Result<String> {
    let live = Live::find(args).await?;
    let changed = |current: &Config| {
        let mut settings = current.settings().clone();
        for assignment in assignments {
            assign(&mut settings, &assignment.path, &assignment.value)?;
        }
        Ok(Config::new(settings))
    };
    args.output.settings(&change(&*live.dcs, changed).await?)
}

/// Has an editor change it. What others changed meanwhile is not overwritten.
pub(crate) async fn edit(args: &Args) -> anyhow::Result<String> {
    let live = Live::find(args).await?;
    let before = live.saved.snapshot().config.readable(Key::Config)?;
    let before = before.ok_or_else(no_config)?;
    let text = serde_saphyr::to_string(before.settings()).context("writing YAML")?;
    let edited = edited(&text)?;
    let settings: Map<String, Value> =
        serde_saphyr::from_str(&edited).context("what the editor left is no YAML object")?;
    let wanted = Config::new(settings);
    let changed = |current: &Config| {
        let is_mine = current == before;
        is_mine
            .then(|| wanted.clone())
            .with_context(|| "others have changed the config meanwhile: look at it, and try again")
    };
    args.output.settings(&change(&*live.dcs, changed).await?)
}

/// Writes what `changed` makes of the present configuration, and returns it.
async fn change(
    dcs: &dyn Dcs,
    mut changed: impl FnMut(&Config) -> anyhow::Result<Config> + Send,
) -> anyhow::Result<Config> {
    let mut stands = None;
    let written = dcs.edit_config(|current| {
        stands = current.map(&mut changed);
        let next = stands.as_ref()?.as_ref().ok()?;
        // Nothing is written where nothing changes: the server would drop it.
        (current != Some(next)).then(|| next.clone())
    });
    written.await?;
    stands.unwrap_or_else(|| bail!(no_config()))
}

/// Sets one value; null removes it.
fn assign(settings: &mut Map<String, Value>, path: &[String], value: &Value) -> anyhow::Result<()> {
    match path {
        [] => {}
        [name] if value.is_null() => {
            settings.shift_remove(name);
        }
        [name] => {
            settings.insert(name.clone(), value.clone());
        }
        [name, rest @ ..] => match settings.get_mut(name) {
            Some(Value::Object(below)) => return assign(below, rest, value),
            Some(other) if !other.is_null() => {
                bail!("{name} is {other}, and no map: remove it first, with {name}=null")
            }
            // Nothing is there to be removed.
            _ if value.is_null() => {}
            _ => {
                let mut made = Map::new();
                assign(&mut made, rest, value)?;
                settings.insert(name.clone(), made.into());
            }
        },
    }
    Ok(())
}

/// The text as a person leaves it. It may hold passwords, so nobody else may
/// read the file, and it is removed.
fn edited(text: &str) -> anyhow::Result<String> {
    let name = format!("dcsctl-{:032x}.yaml", OsEntropy::new().bits());
    let path = std::env::temp_dir().join(name);
    let result = edited_at(&path, text);
    // Where it was never made there is nothing to remove.
    let _ = fs::remove_file(&path);
    result
}

fn edited_at(path: &PathBuf, text: &str) -> anyhow::Result<String> {
    let at = || format!("the file for the editor, {}", path.display());
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(at)?;
    run_editor(path)?;
    fs::read_to_string(path).with_context(at)
}

fn run_editor(path: &Path) -> anyhow::Result<()> {
    let mut named = ["VISUAL", "EDITOR"].into_iter();
    let named = named.find_map(|name| std::env::var(name).ok().filter(|it| !it.is_empty()));
    let editor = named.unwrap_or_else(|| "vi".to_owned());
    // It may come with arguments of its own.
    let mut shell = Command::new("sh");
    let command = shell.arg("-c").arg(format!("{editor} \"$1\"")).arg("sh");
    let status = command.arg(path).status();
    let status = status.with_context(|| format!("starting the editor {editor:?}"))?;
    if !status.success() {
        bail!("the editor {editor:?} ended with {status}: nothing was changed");
    }
    Ok(())
}
