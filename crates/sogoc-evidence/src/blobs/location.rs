//! Where blobs are kept, as an operator writes it.

use std::fmt;
use std::path::PathBuf;

use object_store::ClientConfigKey;
use object_store::aws::AmazonS3ConfigKey;
use object_store::path::Path;
use zeroize::Zeroizing;

/// Where blobs are kept: a folder, or a bucket of an S3 service.
///
/// Displayed as it is written in a configuration; neither `Display` nor `Debug` show what signs in.
#[derive(Clone)]
pub struct Location(pub(super) Place);

#[derive(Clone)]
pub(super) enum Place {
    Folder(PathBuf),
    Bucket { name: String, prefix: Path, settings: Vec<(AmazonS3ConfigKey, Zeroizing<String>)> },
}

/// A text that is no place for blobs. The text of the error says what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct LocationError(String);

impl Location {
    /// Reads a folder's path, or `s3://bucket/prefix`.
    ///
    /// A bucket's endpoint, region and keys come from the usual variables of this process: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL` (with `AWS_ALLOW_HTTP=true` for an
    /// endpoint without TLS, as on loopback), or from a web identity or a container's credentials.
    ///
    /// # Errors
    /// What is missing or wrong, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        Self::parse_with(
            text,
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    /// The same with other variables than this process's.
    ///
    /// # Errors
    /// What is missing or wrong, and what to write instead.
    pub fn parse_with(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, LocationError> {
        let wrong = |text: String| Err(LocationError(text));
        let Some((scheme, rest)) = text.split_once("://") else {
            if text.trim().is_empty() {
                return wrong("no place for blobs was given: give a folder, or s3://bucket/prefix".into());
            }
            if text.contains('\0') {
                return wrong(format!("{text:?} has a NUL in it, which no folder's name has"));
            }
            return Ok(Self(Place::Folder(PathBuf::from(text))));
        };
        if scheme != "s3" {
            let remedy = if scheme == "file" {
                "for a folder, write its path alone"
            } else {
                "give a folder, or s3://bucket/prefix"
            };
            return wrong(format!("{scheme}:// is no place for blobs: {remedy}"));
        }
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        if !(3..=63).contains(&name.len()) || !name.bytes().all(allowed) {
            return wrong(format!(
                "{name:?} is no bucket's name: 3 to 63 of a-z, 0-9, hyphen and dot, as in s3://bucket/prefix"
            ));
        }
        let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|e| {
            LocationError(format!(
                "{prefix:?} cannot stand before the names in a bucket ({e}): use plain names with / between them"
            ))
        })?;
        let settings: Vec<(AmazonS3ConfigKey, Zeroizing<String>)> = variables
            .into_iter()
            .filter(|(key, _)| key.starts_with("AWS_"))
            .filter_map(|(key, value)| Some((key.to_ascii_lowercase().parse().ok()?, Zeroizing::new(value))))
            .filter(|(key, _)| !matches!(key, AmazonS3ConfigKey::Bucket))
            .collect();
        let place = Place::Bucket { name: name.to_owned(), prefix, settings };
        place.check_settings()?;
        Ok(Self(place))
    }
}

impl Place {
    /// What would fail late and obscurely: a request without keys asks a machine that is not there for minutes.
    fn check_settings(&self) -> Result<(), LocationError> {
        let Self::Bucket { name, settings, .. } = self else { return Ok(()) };
        let of = |wanted: AmazonS3ConfigKey| {
            settings
                .iter()
                .rev()
                .find(|(key, value)| *key == wanted && !value.is_empty())
                .map(|(_, value)| value.as_str())
        };
        let keys = (of(AmazonS3ConfigKey::AccessKeyId), of(AmazonS3ConfigKey::SecretAccessKey));
        let elsewhere = [
            AmazonS3ConfigKey::WebIdentityTokenFile,
            AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
            AmazonS3ConfigKey::ContainerCredentialsFullUri,
        ];
        if (keys.0.is_none() || keys.1.is_none()) && elsewhere.into_iter().all(|key| of(key).is_none()) {
            let missing = if keys.0.is_none() { "AWS_ACCESS_KEY_ID" } else { "AWS_SECRET_ACCESS_KEY" };
            return Err(LocationError(format!(
                "s3://{name} needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY ({missing} is missing)"
            )));
        }
        let allow_http = of(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp))
            .is_some_and(|value| ["1", "true", "on", "yes", "y"].contains(&value.to_ascii_lowercase().as_str()));
        for endpoint in [of(AmazonS3ConfigKey::Endpoint), of(AmazonS3ConfigKey::S3Endpoint)].into_iter().flatten() {
            let plain = endpoint.starts_with("http://");
            if !plain && !endpoint.starts_with("https://") {
                return Err(LocationError(format!(
                    "AWS_ENDPOINT_URL is {endpoint:?}: it begins with https:// (or http:// on loopback)"
                )));
            }
            if plain && !allow_http {
                return Err(LocationError(format!(
                    "AWS_ENDPOINT_URL is {endpoint:?}, which is without TLS: use https://, or set AWS_ALLOW_HTTP=true \
                     where nobody can listen, as on loopback"
                )));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Folder(path) => write!(f, "{}", path.display()),
            Place::Bucket { name, prefix, .. } if prefix.as_ref().is_empty() => write!(f, "s3://{name}"),
            Place::Bucket { name, prefix, .. } => write!(f, "s3://{name}/{prefix}"),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
