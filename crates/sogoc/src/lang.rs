//! Vietnamese or English.

use std::str::FromStr;

use sogoc_domain::refusal::Language;

/// The language of a text for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lang {
    Vi,
    En,
}

impl Lang {
    /// What was asked for, else what the environment says (LC_ALL, LC_MESSAGES, LANG in this order), else English.
    pub(crate) fn choose(asked: Option<Self>, variable: impl Fn(&str) -> Option<String>) -> Self {
        asked.unwrap_or_else(|| {
            let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
                .iter()
                .find_map(|name| variable(name).filter(|value| !value.is_empty()))
                .unwrap_or_default();
            if locale.to_ascii_lowercase().starts_with("vi") { Self::Vi } else { Self::En }
        })
    }

    /// One of two texts.
    pub(crate) fn pick<'a>(self, vi: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }

    /// The same for the crates below.
    pub(crate) fn language(self) -> Language {
        match self {
            Self::Vi => Language::Vietnamese,
            Self::En => Language::English,
        }
    }
}

impl FromStr for Lang {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "vi" => Ok(Self::Vi),
            "en" => Ok(Self::En),
            _ => Err("give vi or en".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_goes_before_the_environment() {
        let of = |value: &'static str| move |name: &str| (name == "LANG").then(|| value.to_owned());
        assert_eq!(Lang::choose(None, of("vi_VN.UTF-8")), Lang::Vi);
        assert_eq!(Lang::choose(None, of("C.UTF-8")), Lang::En);
        assert_eq!(Lang::choose(None, |_| None), Lang::En);
        assert_eq!(Lang::choose(Some(Lang::En), of("vi_VN.UTF-8")), Lang::En);
    }
}
