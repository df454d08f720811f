//! Figures of the survey over all ranking groups.

use super::{Computed, fixed, group::ids};
use crate::address::{Figured, GroupFigure, GroupName, SurveyName};
use crate::trail::Trail;
use crate::value::{Missing, Unit, Value};
use crate::view::SeasonView;

pub(super) fn compute<'r, T: Trail>(view: &SeasonView<'r>, name: SurveyName, trail: &mut T) -> Computed {
    let (formula, part) = match name {
        SurveyName::SurveyedCount => ("Σ survey_count of the groups", GroupName::SurveyCount),
        SurveyName::SurveyedOf => ("Σ count of the groups", GroupName::Count),
        SurveyName::NotSurveyedCount => ("number of agencies without a survey", GroupName::NotSurveyedMembers),
        SurveyName::NotSurveyedMembers => ("agencies without a survey", GroupName::NotSurveyedMembers),
        SurveyName::FormsTotal => ("Σ survey_forms of the groups", GroupName::SurveyForms),
    };
    trail.formula(fixed(formula));
    let unit = match name {
        SurveyName::SurveyedCount | SurveyName::SurveyedOf | SurveyName::NotSurveyedCount => Unit::Count,
        SurveyName::NotSurveyedMembers => Unit::Agencies,
        SurveyName::FormsTotal => Unit::Forms,
    };
    let (mut sum, mut members, mut partial, mut why) = (0_u64, Vec::new(), false, None);
    let mut any = false;
    for group in &view.frame.groups {
        let figured = Figured::Group { group, what: GroupFigure::Plain(part) };
        trail.figure(|| view.address(&figured));
        let computed = view.value_of(&figured);
        partial |= !computed.complete;
        match computed.value {
            Value::Count(count) => (sum, any) = (sum.saturating_add(count), true),
            Value::Ids(ids) => {
                members.extend(ids);
                any = true;
            }
            // A group of transcribed totals has no forms to add.
            Value::Missing(missing) => why = Some(missing),
            Value::Exact(_) | Value::Text(_) => {}
        }
    }
    if !any {
        return Computed::of(Err(why.unwrap_or(Missing::None)), unit);
    }
    match name {
        SurveyName::SurveyedCount | SurveyName::SurveyedOf | SurveyName::FormsTotal => {
            Computed::new(Value::Count(sum), unit).partial(partial)
        }
        SurveyName::NotSurveyedCount => Computed::count(Ok(members.len())).partial(partial),
        SurveyName::NotSurveyedMembers => ids(Ok(members)).partial(partial),
    }
}
