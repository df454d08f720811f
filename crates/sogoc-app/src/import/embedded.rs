//! The data set that the binary carries: Hà Nam province's 2022 season, for the demo and the tests.

use std::io;

use super::Source;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../data/hanam-2022/", $name)) as &[u8])),*]
    };
}

/// Files that are part of the binary.
#[derive(Clone, Copy, Debug)]
pub struct Embedded(&'static [(&'static str, &'static [u8])]);

/// The 2022 season of Hà Nam province (`data/hanam-2022/`).
pub const HANAM_2022: Embedded = Embedded(files![
    "season.json",
    "criteria-departments.json",
    "criteria-districts.json",
    "agencies.csv",
    "bodies.csv",
    "accounts.csv",
    "assignments.csv",
    "not_applicable.csv",
    "scores.csv",
    "evidence.csv",
    "explanations_and_appeals.csv",
    "survey.csv",
    "claims.csv",
    "year-2021.csv",
]);

impl Embedded {
    /// Names and bytes of the files.
    #[must_use]
    pub fn files(&self) -> &'static [(&'static str, &'static [u8])] {
        self.0
    }
}

impl Source for Embedded {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.iter().find(|(n, _)| *n == name).map(|(_, bytes)| bytes.to_vec()))
    }
}
