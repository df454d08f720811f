//! Values that hold a secret or may hold one: their `Debug` and `Display` never show it.

use std::fmt;

/// What stands where a secret was.
const HIDDEN: &str = "***";

/// A text that is not for logs, messages or answers; [`Secret::expose`] is the only way to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    text: String,
    shown: String,
}

impl Secret {
    /// A secret as a whole: a password, a token.
    pub(crate) fn whole(text: impl Into<String>) -> Self {
        Self { text: text.into(), shown: HIDDEN.to_owned() }
    }

    /// A store's URL: what is before the first colon of the user's part is shown, the password never.
    pub(crate) fn store(text: impl Into<String>) -> Self {
        let text = text.into();
        let shown = if text.starts_with("sqlite:") { text.clone() } else { without_password(&text, User::Shown) };
        Self { text, shown }
    }

    /// An address that may hold a user, a password or a token: none of them is shown. Several stand with commas between.
    pub(crate) fn addresses(text: impl Into<String>) -> Self {
        let text = text.into();
        let shown: Vec<_> = text.split(',').map(|one| without_password(one, User::Hidden)).collect();
        Self { shown: shown.join(","), text }
    }

    /// The secret itself.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

#[derive(Clone, Copy)]
enum User {
    Shown,
    Hidden,
}

/// A URL without the password. A password may hold any character unescaped by mistake, so everything up to the last `@`
/// counts as the user's part, and a query value counts as a secret unless its name is of the harmless ones.
fn without_password(url: &str, user: User) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return HIDDEN.to_owned() };
    let (own, rest) = match rest.rsplit_once('@') {
        None => (String::new(), rest),
        Some((own, rest)) => {
            let own = match (own.split_once(':'), user) {
                (None, User::Shown) => own.to_owned(),
                (Some((name, _)), User::Shown) => format!("{name}:{HIDDEN}"),
                (_, User::Hidden) => HIDDEN.to_owned(),
            };
            (format!("{own}@"), rest)
        }
    };
    let (rest, query) = match rest.split_once('?') {
        None => (rest, String::new()),
        Some((rest, query)) => (rest, format!("?{}", query_without_secrets(query))),
    };
    format!("{scheme}://{own}{rest}{query}")
}

fn query_without_secrets(query: &str) -> String {
    let harmless =
        ["host", "port", "dbname", "user", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name"];
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if !harmless.contains(&name) => format!("{name}={HIDDEN}"),
        Some(_) => part.to_owned(),
        None => HIDDEN.to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("sqlite:data/a@b.db", "sqlite:data/a@b.db"),
            ("postgres://sogoc@db/hanam", "postgres://sogoc@db/hanam"),
            (
                "postgres://sogoc:pa55@db:5432/hanam?sslmode=require",
                "postgres://sogoc:***@db:5432/hanam?sslmode=require",
            ),
            ("postgres://sogoc:pa/5@5?x:y@db/hanam", "postgres://sogoc:***@db/hanam"),
            ("postgres://db/hanam?user=sogoc&password=pa55", "postgres://db/hanam?user=sogoc&password=***"),
            ("postgres:sogoc:pa55", "***"),
        ] {
            assert_eq!(Secret::store(url).to_string(), shown);
            assert_eq!(Secret::store(url).expose(), url);
        }
        assert_eq!(Secret::addresses("nats://pa55@a:4222,tls://b:4222").to_string(), "nats://***@a:4222,tls://b:4222");
        assert_eq!(format!("{:?}", Secret::addresses("http://u:pa55@c:4318")), "\"http://***@c:4318\"");
        assert_eq!(format!("{:?}", Secret::whole("pa55")), "\"***\"");
    }
}
