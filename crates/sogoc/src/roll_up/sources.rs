//! Which logs are followed, and where.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sogoc_log::is_id;
use sogoc_proof::VerifierKey;

use crate::relay::connecting::Place;
use crate::relay::definitions::{is_tenant, subjects};

/// Largest file of sources, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One log's stream.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// What it is called here, `[a-z0-9-]{1,64}`.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) stream: String,
    /// Where a stream gathers several logs: the subjects of this one.
    pub(crate) filter: Option<String>,
    /// Whose checkpoints it is held to.
    pub(crate) check: Option<Check>,
}

/// What a source is held to.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// The log's verifier key; its name is the log's.
    pub(crate) key: VerifierKey,
    /// Where the checkpoint is: `https://…/checkpoint`.
    pub(crate) url: String,
}

/// A file of sources.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    source: Vec<Written>,
}

/// One of them, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    /// `nats://HOST:PORT/STREAM`, as on the command line.
    url: String,
    credentials_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    log_key: Option<String>,
    checkpoint: Option<String>,
}

/// Sources from a file and from `NAME=…` options; an option about a source of the file adds to it.
///
/// # Errors
/// A text that says what cannot be understood.
pub(crate) fn gather(
    file: Option<&Path>,
    sources: &[String],
    log_keys: &[String],
    checkpoints: &[String],
) -> Result<Vec<Source>, String> {
    let mut written = file.map(read).transpose()?.unwrap_or_default();
    for source in sources {
        let (name, url) = named("--source", source)?;
        written.push(Written {
            name: name.to_owned(),
            url: url.to_owned(),
            credentials_file: None,
            ca_file: None,
            log_key: None,
            checkpoint: None,
        });
    }
    for (option, values) in [("--log-key", log_keys), ("--checkpoint", checkpoints)] {
        for value in values {
            let (name, value) = named(option, value)?;
            let source = written.iter_mut().find(|source| source.name == name);
            let source = source.ok_or_else(|| format!("{option} {name}=…: there is no source {name}"))?;
            let place = if option == "--log-key" { &mut source.log_key } else { &mut source.checkpoint };
            *place = Some(value.to_owned());
        }
    }
    let mut names = BTreeSet::new();
    for source in &written {
        if !names.insert(source.name.clone()) {
            return Err(format!("source {}: given twice", source.name));
        }
    }
    let sources: Vec<Source> = written.into_iter().map(source).collect::<Result<_, _>>()?;
    let mut streams = BTreeSet::new();
    for source in &sources {
        // Two would take each other's messages, and count each agency twice.
        if !streams.insert((&source.place.url, &source.stream, &source.filter)) {
            return Err(format!("source {}: another source reads the same stream", source.name));
        }
    }
    Ok(sources)
}

fn read(path: &Path) -> Result<Vec<Written>, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(|error| told(&error))?.len();
    if length > FILE_BYTES_MAX {
        return Err(told(&format!("{length} bytes, at most {FILE_BYTES_MAX} are read")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
    let file: File = toml::from_str(&text).map_err(|error| told(&error))?;
    Ok(file.source)
}

fn named<'a>(option: &str, value: &'a str) -> Result<(&'a str, &'a str), String> {
    value.split_once('=').ok_or_else(|| format!("{option}: write NAME=VALUE"))
}

fn source(written: Written) -> Result<Source, String> {
    let Written { name, url, credentials_file, ca_file, log_key, checkpoint } = written;
    if !is_id(&name) {
        return Err(format!("source {name:?}: a name is 1 to 64 of a-z, 0-9 and -"));
    }
    // Not repeated: it may hold a password.
    let wrong =
        || format!("source {name}: write nats://HOST:PORT/STREAM, with ?tenant=NAME for one log of several in it");
    let (url, tenant) = match url.split_once("?tenant=") {
        Some((url, tenant)) if is_tenant(tenant) => (url, Some(subjects(tenant))),
        Some(_) => return Err(wrong()),
        None => (url.as_str(), None),
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let (server, stream) = rest.rsplit_once('/').ok_or_else(wrong)?;
    let is_stream = !stream.is_empty() && stream.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !matches!(scheme, "nats" | "tls" | "ws" | "wss") || server.is_empty() || !is_stream {
        return Err(wrong());
    }
    let check = match (log_key, checkpoint) {
        (None, None) => None,
        (Some(key), Some(url)) => {
            let key = VerifierKey::parse(&key).map_err(|error| format!("source {name}: its log's key: {error}"))?;
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(format!("source {name}: checkpoint {url}: write https://HOST/…/checkpoint"));
            }
            Some(Check { key, url })
        }
        (Some(_), None) => return Err(format!("source {name}: a log's key needs --checkpoint {name}=URL beside it")),
        (None, Some(_)) => return Err(format!("source {name}: a checkpoint needs --log-key {name}=VKEY beside it")),
    };
    let place = Place { url: format!("{scheme}://{server}"), credentials_file, ca_file };
    Ok(Source { stream: stream.to_owned(), filter: tenant, name, place, check })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sogoc.local/register+";

    #[test]
    fn a_source_is_a_name_a_server_and_a_stream() {
        let all = gather(
            None,
            &[
                "ha-nam=nats://u:p@one.example:4222/SOGOC_HA_NAM".to_owned(),
                "bo=tls://two.example/NATIONAL?tenant=bo".to_owned(),
            ],
            &[],
            &[],
        )
        .expect("understood");
        assert_eq!((all[0].name.as_str(), all[0].stream.as_str(), &all[0].filter), ("ha-nam", "SOGOC_HA_NAM", &None));
        assert_eq!(all[0].place.url, "nats://u:p@one.example:4222");
        assert_eq!(all[0].place.shown(), "NATS at one.example:4222");
        assert_eq!((all[1].stream.as_str(), all[1].filter.as_deref()), ("NATIONAL", Some("sogoc.bo.>")));
    }

    #[test]
    fn what_cannot_be_a_source_is_told_without_its_password() {
        for wrong in [
            "nats://one/S",
            "a=nats://u:secret@one",
            "a=http://u:secret@one/S",
            "A=nats://one/S",
            "a=nats://u:secret@one/S T",
            "a=nats://one/S?tenant=A",
        ] {
            let told = gather(None, &[wrong.to_owned()], &[], &[]).expect_err(wrong);
            assert!(!told.contains("secret"), "{told}");
        }
        let one = "a=nats://one/S".to_owned();
        assert!(gather(None, &[one.clone(), one.clone()], &[], &[]).is_err_and(|told| told.contains("twice")));
        assert!(
            gather(None, std::slice::from_ref(&one), &["b=x".to_owned()], &[])
                .is_err_and(|told| told.contains("no source b"))
        );
        assert!(
            gather(None, std::slice::from_ref(&one), &[format!("a={KEY}")], &[])
                .is_err_and(|told| told.contains("--checkpoint"))
        );
        assert!(
            gather(None, &[one], &[], &["a=https://x/checkpoint".to_owned()])
                .is_err_and(|told| told.contains("--log-key"))
        );
    }

    #[test]
    fn a_file_lists_sources() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sources.toml");
        std::fs::write(&path, "[[source]]\nname = \"ha-nam\"\nurl = \"nats://one.example/SOGOC_HA_NAM\"\ncredentials_file = \"x.creds\"\n")
            .expect("written");
        let all = gather(Some(&path), &["bo=nats://two.example/SOGOC_BO".to_owned()], &[], &[]).expect("understood");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].place.credentials_file.as_deref(), Some(Path::new("x.creds")));
        std::fs::write(&path, "[[source]]\nname = \"ha-nam\"\nurl = \"nats://one/S\"\nurrl = 1\n").expect("written");
        assert!(gather(Some(&path), &[], &[], &[]).is_err_and(|told| told.contains("urrl")));
    }
}
