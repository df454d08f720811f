//! A connection to NATS that is fit for what is asked of it.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, ServerAddr};

use super::Trouble;
use crate::failure::Remedy;

/// Oldest server that is used. Older ones take newer options without a word, and do not follow them.
const SERVER_MIN: (u64, u64) = (2, 10);
/// Bytes that a message of ours may have: the largest entry, and its headers.
const MESSAGE_BYTES_MAX: usize = 65_535 + 4_096;
/// Longest wait for a connection, in seconds.
const CONNECT_SECONDS_MAX: u64 = 5;
/// Longest wait for the answer to a request, in seconds.
const REQUEST_SECONDS_MAX: u64 = 5;

/// A server or cluster, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// One URL, or several with commas between.
    pub(crate) url: String,
    /// A `.creds` file.
    pub(crate) credentials_file: Option<PathBuf>,
    /// Certificate authorities, in PEM.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Place {
    /// How messages name it: without user and password.
    pub(crate) fn shown(&self) -> String {
        let shown: Vec<&str> =
            self.url.split(',').map(|url| url.rsplit_once('@').map_or(url, |(_, host)| host)).collect();
        format!("NATS at {}", shown.join(","))
    }
}

/// Connects, and checks the server's version and what it lets through.
///
/// # Errors
/// `Bus` where nobody answers; `Refused` for a server that is too old, has no JetStream, or takes only smaller messages, and
/// for files that cannot be read.
pub(crate) async fn connect(place: &Place, name: &str) -> Result<Client, Trouble> {
    let mut options = ConnectOptions::new()
        .name(name)
        .connection_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .request_timeout(Some(Duration::from_secs(REQUEST_SECONDS_MAX)))
        .max_reconnects(None);
    if let Some(path) = &place.credentials_file {
        options = options.credentials_file(path).await.map_err(|error| Trouble::Refused {
            what: format!("{}: {error}", path.display()),
            remedy: Remedy {
                vi: "kiểm tra nats.credentials_file: tệp .creds do máy chủ NATS cấp, đọc được",
                en: "check nats.credentials_file: a readable .creds file as NATS issues them",
            },
        })?;
    }
    if let Some(path) = &place.ca_file {
        // Looked at here: the library would tell of it only as a connection that fails.
        if let Err(error) = tokio::fs::metadata(path).await {
            return Err(Trouble::Refused {
                what: format!("{}: {error}", path.display()),
                remedy: Remedy { vi: "kiểm tra nats.ca_file", en: "check nats.ca_file" },
            });
        }
        options = options.add_root_certificates(path.clone()).require_tls(true);
    }
    let servers = servers(place)?;
    // The library leaves what a URL says of user and password unused.
    if let Some(server) = servers.iter().find(|server| server.has_user_pass()) {
        let user = decoded(server.username().unwrap_or_default());
        options = match server.password() {
            Some(password) => options.user_and_password(user, decoded(password)),
            None => options.token(user),
        };
    }
    let client = tokio::time::timeout(Duration::from_secs(2 * CONNECT_SECONDS_MAX), options.connect(servers))
        .await
        .map_err(|_| Trouble::Bus(format!("{} did not answer in time", place.shown())))?
        .map_err(|error| Trouble::Bus(format!("{}: {error}", place.shown())))?;
    let info = client.server_info();
    if !is_new_enough(&info.version) {
        return Err(Trouble::Refused {
            what: format!(
                "{} is version {:?}, at least {}.{} is needed",
                place.shown(),
                info.version,
                SERVER_MIN.0,
                SERVER_MIN.1
            ),
            remedy: Remedy {
                vi: "nâng cấp nats-server lên 2.10 trở lên", en: "upgrade nats-server to 2.10 or newer"
            },
        });
    }
    if !info.jetstream {
        return Err(Trouble::Refused {
            what: format!("{} has no JetStream", place.shown()),
            remedy: Remedy {
                vi: "bật JetStream trên máy chủ (`jetstream { store_dir: … }`)",
                en: "turn JetStream on in the server (`jetstream { store_dir: … }`)",
            },
        });
    }
    if info.max_payload < MESSAGE_BYTES_MAX {
        return Err(Trouble::Refused {
            what: format!(
                "{} takes messages of {} bytes, the largest entry needs {MESSAGE_BYTES_MAX}",
                place.shown(),
                info.max_payload
            ),
            remedy: Remedy { vi: "tăng max_payload của máy chủ", en: "raise the server's max_payload" },
        });
    }
    Ok(client)
}

fn servers(place: &Place) -> Result<Vec<ServerAddr>, Trouble> {
    let parsed = place.url.split(',').map(|url| url.trim().parse()).collect::<Result<_, _>>();
    parsed.map_err(|_| Trouble::Refused {
        what: format!("{}: this is no address of a server", place.shown()),
        remedy: Remedy {
            vi: "ghi nats://MÁY:CỔNG hoặc tls://MÁY:CỔNG, nhiều máy của một cụm thì cách nhau bằng dấu phẩy",
            en: "write nats://HOST:PORT or tls://HOST:PORT, several of a cluster with commas between",
        },
    })
}

/// A part of a URL without its `%xx`.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let (byte, after) = match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => (decoded, &after[2..]),
            None => (byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `2.10.27`, `2.11.0-RC.1`; a version that cannot be read is not trusted.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= SERVER_MIN,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_older_than_2_10_is_not_new_enough() {
        for (version, enough) in [
            ("2.10.0", true),
            ("2.10.27", true),
            ("2.15.1", true),
            ("3.0.0-RC.1", true),
            ("2.9.25", false),
            ("", false),
            ("dev", false),
        ] {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }

    #[test]
    fn a_password_may_hold_what_a_url_escapes() {
        assert_eq!(decoded("m%40t%20kh%E1%BA%A9u%"), "m@t khẩu%");
    }

    #[test]
    fn a_place_is_shown_without_its_password() {
        let place = Place {
            url: "nats://u:secret@one.example:4222,nats://two.example:4222".to_owned(),
            credentials_file: None,
            ca_file: None,
        };
        assert_eq!(place.shown(), "NATS at one.example:4222,nats://two.example:4222");
    }
}
