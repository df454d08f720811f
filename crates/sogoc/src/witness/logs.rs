//! The logs that a witness watches: named by their verifier keys.

use std::collections::BTreeMap;
use std::path::Path;

use sogoc_proof::{Algorithm, VerifierKey};

use crate::failure::{Failure, Remedy};

/// Logs by origin, each with the keys that may sign for it: more than one while a log changes its key.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) by_origin: BTreeMap<String, Vec<VerifierKey>>,
}

impl Logs {
    /// Takes verifier keys from the command line and from a file of lines `vkey [origin]`; without an origin, the key's
    /// name is the log's. Empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// When the file cannot be read, a key is none or not a log's, or there is no log at all.
    pub(crate) fn read(keys: &[String], file: Option<&Path>) -> Result<Self, Failure> {
        let mut logs = Self::default();
        for key in keys {
            logs.add(key).map_err(|why| refused(format!("--log {key}: {why}")))?;
        }
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            for (number, line) in (1..).zip(text.lines()) {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                logs.add(line).map_err(|why| refused(format!("{}, line {number}: {why}", path.display())))?;
            }
        }
        if logs.by_origin.is_empty() {
            return Err(Failure::Usage {
                message: "a witness needs a log to watch".to_owned(),
                remedy: Remedy {
                    vi: "thêm --log KHÓA-CÔNG-KHAI hoặc --logs TỆP", en: "add --log VKEY or --logs FILE"
                },
            });
        }
        Ok(logs)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let key = words.next().unwrap_or_default();
        let origin = words.next();
        if let Some(extra) = words.next() {
            return Err(format!("after the key and the origin stands «{extra}»"));
        }
        let key = VerifierKey::parse(key).map_err(|error| error.to_string())?;
        if key.algorithm() != Algorithm::Ed25519 {
            return Err("this is a witness's key (type 0x04), not a log's (type 0x01)".to_owned());
        }
        let keys = self.by_origin.entry(origin.unwrap_or(key.name()).to_owned()).or_default();
        if !keys.contains(&key) {
            keys.push(key);
        }
        Ok(())
    }
}

fn refused(message: String) -> Failure {
    Failure::Input {
        message,
        remedy: Remedy {
            vi: "mỗi nhật ký là một dòng: TÊN+ID+BASE64 [tên gốc]; `sogoc log key` in ra khóa công khai",
            en: "a log is one line: NAME+ID+BASE64 [origin]; `sogoc log key` prints a log's verifier key",
        },
    }
}

#[cfg(test)]
mod tests {
    use sogoc_proof::SignerKey;

    use super::*;

    fn key(name: &str, algorithm: Algorithm, seed: u8) -> String {
        SignerKey::from_seed(name, algorithm, [seed; 32]).unwrap().verifier().to_string()
    }

    #[test]
    fn a_log_is_named_by_its_key_unless_another_origin_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logs");
        let (one, two) = (key("one.example", Algorithm::Ed25519, 1), key("two.example", Algorithm::Ed25519, 2));
        std::fs::write(&file, format!("# logs\n\n  {one}\t other.example \n{two}\n{two}\n")).unwrap();
        let newer = key("two.example", Algorithm::Ed25519, 3);
        let logs = Logs::read(&[newer], Some(&file)).unwrap();
        let found: Vec<(&str, usize)> = logs.by_origin.iter().map(|(name, keys)| (name.as_str(), keys.len())).collect();
        assert_eq!(found, [("other.example", 1), ("two.example", 2)]);
    }

    #[test]
    fn what_is_no_logs_key_is_refused_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logs");
        for bad in ["nonsense".to_owned(), key("w", Algorithm::CosignatureV1, 1), {
            format!("{} a b", key("a", Algorithm::Ed25519, 1))
        }] {
            std::fs::write(&file, format!("\n{bad}\n")).unwrap();
            let refused = format!("{:?}", Logs::read(&[], Some(&file)).unwrap_err());
            assert!(refused.contains("line 2"), "{refused}");
        }
        assert!(matches!(Logs::read(&[], None), Err(Failure::Usage { .. })));
    }
}
