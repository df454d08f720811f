//! Roles, their scope, and who decided.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::values::{AccountId, SeasonId, Timestamp, ValueError};

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident = $text:literal / $vi:literal,)*) => {
        /// What an account may act as.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Role { $($(#[$doc])* $name,)* }

        impl Role {
            /// All roles.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As written in entries.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// In Vietnamese.
            #[must_use]
            pub fn label_vi(self) -> &'static str {
                match self { $(Self::$name => $vi,)* }
            }
        }
    };
}

roles! {
    /// Scores and explains for its agency.
    AgencyOfficer = "agency-officer" / "cán bộ cơ quan",
    /// Submits and appeals for its agency.
    AgencyLeader = "agency-leader" / "lãnh đạo cơ quan",
    /// Appraises what the season assigns to it.
    Reviewer = "reviewer" / "người thẩm định",
    /// Confirms what others appraised.
    Confirmer = "confirmer" / "người xác nhận",
    /// Votes in the council, decides appeals, approves publications.
    CouncilMember = "council-member" / "thành viên Hội đồng",
    /// Chairs the council; a member as well.
    CouncilChair = "council-chair" / "Chủ tịch Hội đồng",
    /// Runs the season, announces and publishes.
    Secretariat = "secretariat" / "Tổ thư ký",
    /// Opens accounts and grants roles.
    Administrator = "administrator" / "quản trị viên",
    /// Reads everything, changes nothing.
    Inspector = "inspector" / "thanh tra viên",
    /// Imports survey results.
    SurveyOperator = "survey-operator" / "đơn vị khảo sát",
    /// Rechecks and accepts survey results.
    SurveyMonitor = "survey-monitor" / "giám sát khảo sát",
}

impl Role {
    /// True for council, publishing and administrator roles: nobody grants these alone (invariant 7).
    #[must_use]
    pub fn needs_two(self) -> bool {
        matches!(self, Self::CouncilMember | Self::CouncilChair | Self::Secretariat | Self::Administrator)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = ValueError;
    fn from_str(s: &str) -> Result<Self, ValueError> {
        Self::ALL.iter().copied().find(|r| r.as_str() == s).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|r| r.as_str()).collect();
            ValueError(format!("\"{s}\" is not a role: use one of {}", all.join(", ")))
        })
    }
}

/// Where and when a role holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// One season; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<SeasonId>,
    /// From when; from the grant on where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until when, exclusive; without end where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Who decided: the account, and whom it acted for under a delegation. Both are bound by the separation rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// The account that decided.
    pub account: AccountId,
    /// The delegator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<AccountId>,
}

impl By {
    /// The accounts that this decision binds: one or two.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        std::iter::once(&self.account).chain(self.on_behalf_of.as_ref())
    }
}
