//! Names for ids: what a table shows beside or instead of an id.

use sogoc_domain::World;
use sogoc_domain::event::Name;
use sogoc_domain::evidence::Outcome;
use sogoc_domain::refusal::Language;
use sogoc_domain::season::Season;
use sogoc_domain::values::{GroupId, Text};

/// Names of a season's things in a language. An id that has no name here is its own name.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'w> {
    world: &'w World,
    season: Option<&'w Season>,
    language: Language,
    reasons: fn(&str, Language) -> Option<&'static str>,
}

impl<'w> Labels<'w> {
    /// Names of what a season holds.
    #[must_use]
    pub fn new(world: &'w World, season: &str, language: Language) -> Self {
        Self { world, season: world.seasons.get(season).map(AsRef::as_ref), language, reasons: |_, _| None }
    }

    /// With what the codes of verdicts' reasons say; without it a code is shown as it is.
    #[must_use]
    pub fn with_reasons(self, reasons: fn(&str, Language) -> Option<&'static str>) -> Self {
        Self { reasons, ..self }
    }

    /// What the code of a verdict's reason says.
    #[must_use]
    pub fn reason<'c>(&self, code: &'c str) -> &'c str {
        (self.reasons)(code, self.language).unwrap_or(code)
    }

    /// The language of the names.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// One of two texts.
    #[must_use]
    pub fn pick<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        match self.language {
            Language::Vietnamese => vi,
            Language::English => en,
        }
    }

    fn name(&self, name: &Name) -> String {
        self.text(&name.vi, name.en.as_ref()).to_owned()
    }

    fn text<'t>(&self, vi: &'t Text, en: Option<&'t Text>) -> &'t str {
        match (self.language, en) {
            (Language::English, Some(en)) => en.as_str(),
            (Language::English, None) | (Language::Vietnamese, _) => vi.as_str(),
        }
    }

    /// An agency or body.
    #[must_use]
    pub fn agency(&self, id: &str) -> String {
        let name = self
            .world
            .agencies
            .get(id)
            .and_then(|agency| agency.name())
            .map(|name| self.name(name))
            .unwrap_or_default();
        if name.is_empty() { id.to_owned() } else { name }
    }

    /// An agency or body by its short name, where it has one.
    #[must_use]
    pub fn short(&self, id: &str) -> String {
        let short = self.world.agencies.get(id).and_then(|agency| agency.name()?.short.as_ref());
        short.map_or_else(|| self.agency(id), ToString::to_string)
    }

    /// A ranking group.
    #[must_use]
    pub fn group(&self, id: &str) -> String {
        self.group_of(id).map_or_else(|| id.to_owned(), |group| self.name(&group.name))
    }

    /// A class of a group.
    #[must_use]
    pub fn class(&self, group: &str, code: &str) -> String {
        let band = self.group_of(group).and_then(|group| group.classes.iter().find(|band| band.code == code));
        band.map_or(code, |band| self.text(&band.label, band.label_en.as_ref())).to_owned()
    }

    /// Codes and names of a group's classes and letters, from the top.
    pub(crate) fn bands(&self, group: &str) -> Vec<(&'static str, String, String)> {
        let Some(group) = self.group_of(group) else { return Vec::new() };
        let of = |kind: &'static str, bands: &[sogoc_domain::policy::Band]| -> Vec<_> {
            bands
                .iter()
                .map(|band| (kind, band.code.clone(), self.text(&band.label, band.label_en.as_ref()).to_owned()))
                .collect()
        };
        [of("class", &group.classes), of("letter", &group.letters)].concat()
    }

    /// Codes and names of a group's domains.
    pub(crate) fn domains(&self, group: &str) -> Vec<(String, String)> {
        let version = || {
            let group = self.group_of(group)?;
            self.world.sets.get(group.set.as_ref()?)?.version(group.set_version?)
        };
        let Some(version) = version() else { return Vec::new() };
        let name = |node: &sogoc_domain::criteria::Node| self.text(&node.name, node.name_en.as_ref()).to_owned();
        version.domains.iter().map(|node| (node.code.clone(), name(node))).collect()
    }

    /// The groups of the season.
    pub fn groups(&self) -> impl Iterator<Item = &'w GroupId> {
        self.season.into_iter().flat_map(|season| season.groups.keys())
    }

    fn group_of(&self, id: &str) -> Option<&'w sogoc_domain::season::Group> {
        self.season?.groups.get(id)
    }
}

/// What signatures are worth, in words.
#[must_use]
pub fn outcome_word(outcome: Outcome, language: Language) -> &'static str {
    let (vi, en) = match outcome {
        Outcome::Valid => ("chữ ký hợp lệ", "valid signature"),
        Outcome::ValidBut => ("chữ ký hợp lệ, có lưu ý", "valid signature, with a note"),
        Outcome::Indeterminate => ("chưa xác định được chữ ký", "indeterminate signature"),
        Outcome::Invalid => ("chữ ký KHÔNG hợp lệ", "INVALID signature"),
        Outcome::Unsigned => ("chưa ký số", "unsigned"),
    };
    match language {
        Language::Vietnamese => vi,
        Language::English => en,
    }
}
