//! Which commands a phase admits, by its id, where `season.json` does not list them itself.
//!
//! The table is part of the folder format; the README beside the data set repeats it, and a test compares the two.

/// The kinds of commands that a phase of this id admits; `None` for an id that is not known.
pub(super) fn of(phase: &str) -> Option<&'static [&'static str]> {
    TABLE.iter().find(|(id, _)| *id == phase).map(|(_, kinds)| *kinds)
}

/// Phase ids with the commands that they admit.
pub(super) const TABLE: &[(&str, &[&str])] = &[
    ("survey", &["open-survey", "import-survey", "record-not-surveyed", "record-recheck", "accept-survey"]),
    ("self-scoring-and-appraisal", &["decide-applicability", "recuse-reviewer", "correct-score", "score-line"]),
    (
        "self-scoring",
        &[
            "record-self-score",
            "import-scorecard",
            "attach-evidence",
            "withdraw-evidence",
            "submit-scorecard",
            "withdraw-submission",
        ],
    ),
    (
        "secretariat-appraisal",
        &[
            "record-missed-submission",
            "accept-late-submission",
            "accept-score",
            "accept-unchanged",
            "adjust-score",
            "uphold-score",
            "request-explanation",
            "confirm-leaves",
            "return-leaves",
            "deem-score",
            "decide-applicability",
            "recuse-reviewer",
            "correct-score",
            "score-line",
            "cap-class",
        ],
    ),
    ("explanation", &["give-explanation", "attach-evidence", "withdraw-evidence"]),
    (
        "council",
        &[
            "open-session",
            "recuse-member",
            "adopt-resolution",
            "close-session",
            "decide-applicability",
            "deem-score",
            "correct-score",
            "score-line",
            "cap-class",
            "confirm-leaves",
            "announce-results",
            "approve-results",
        ],
    ),
    (
        "publication",
        &["announce-results", "approve-results", "publish-edition", "attach-edition-instrument", "notify-agencies"],
    ),
    ("appeal", &["lodge-appeal", "withdraw-appeal", "attach-evidence", "withdraw-evidence", "give-opinion"]),
    (
        "appeal-decision",
        &[
            "decide-appeal",
            "accept-late-appeal",
            "withdraw-appeal",
            "give-opinion",
            "open-session",
            "recuse-member",
            "adopt-resolution",
            "close-session",
            "reopen-scorecard",
            "cap-class",
        ],
    ),
    (
        "final-publication",
        &[
            "announce-results",
            "approve-results",
            "publish-edition",
            "attach-edition-instrument",
            "annul-edition",
            "notify-agencies",
        ],
    ),
];
