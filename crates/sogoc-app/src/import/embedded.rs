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
    "evidence/anchors.pem",
    "evidence/so-cong-thuong/5.4.2_ke-hoach-tu-kiem-tra-cong-vu.pdf",
    "evidence/so-tai-nguyen-va-moi-truong/3.1.1_du-thao-ke-hoach-ra-soat-danh-gia-tthc-nam-2022.pdf",
    "evidence/so-van-hoa-the-thao-va-du-lich/3.1.1_ke-hoach-kiem-soat-tthc-nam-2022.pdf",
    "evidence/so-xay-dung/1.5_gt-14_bien-ban-hop-hoi-dong-sang-kien.pdf",
    "evidence/so-xay-dung/1.5_kn-01_quyet-dinh-cong-nhan-sang-kien-thu-ba.pdf",
    "evidence/so-xay-dung/1.5_quyet-dinh-cong-nhan-sang-kien-hoac-van-ban-xac-nhan-hieu-qua-ap.pdf",
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
