//! Exact values, read from what the binary prints: sums that must be equal are compared without rounding.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero as _;
use serde_json::Value;

/// An exact number.
pub(crate) type Exact = BigRational;

/// Reads a value of a figure: a decimal string without exponent, trailing zeros or `-0`, or `{num, den}` in lowest terms
/// where no finite decimal exists.
#[track_caller]
pub(crate) fn exact(value: &Value) -> Exact {
    try_exact(value).unwrap_or_else(|why| panic!("{value}: {why}"))
}

fn try_exact(value: &Value) -> Result<Exact, String> {
    match value {
        Value::String(text) => {
            let exact = decimal(text)?;
            if text.contains('.') && text.ends_with('0') {
                return Err("it has trailing zeros".to_owned());
            }
            if text.starts_with("-0") && exact.is_zero() {
                return Err("it is a negative zero".to_owned());
            }
            Ok(exact)
        }
        Value::Number(number) => {
            number.as_i64().map(|n| BigInt::from(n).into()).ok_or_else(|| "it is a float".to_owned())
        }
        Value::Object(parts) => {
            if parts.len() != 2 {
                return Err("it has other fields than num and den".to_owned());
            }
            let part = |name: &str| -> Result<BigInt, String> {
                let text = parts.get(name).and_then(Value::as_str).ok_or(format!("{name} is no string"))?;
                text.parse().map_err(|_| format!("{name} is no integer"))
            };
            let (num, den) = (part("num")?, part("den")?);
            if den <= BigInt::zero() {
                return Err("den is not above 0".to_owned());
            }
            let exact = Exact::new(num.clone(), den.clone());
            if *exact.numer() != num || *exact.denom() != den {
                return Err("it is not in lowest terms".to_owned());
            }
            if is_finite(&den) {
                return Err("it has a finite decimal and is not written as one".to_owned());
            }
            Ok(exact)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => Err("it is no exact value".to_owned()),
    }
}

/// True where a fraction with this denominator has a finite decimal.
fn is_finite(den: &BigInt) -> bool {
    let mut rest = den.clone();
    for prime in [2, 5] {
        let prime = BigInt::from(prime);
        while (&rest % &prime).is_zero() {
            rest /= &prime;
        }
    }
    rest == BigInt::from(1)
}

/// Reads a decimal as the report prints it.
pub(crate) fn decimal(text: &str) -> Result<Exact, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let all = digits.len() + part.len();
    if digits.is_empty() || !digits.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) || all > 60 {
        return Err(format!("{text} is no plain decimal"));
    }
    let number: BigInt = format!("{whole}{part}").parse().map_err(|_| format!("{text} is no number"))?;
    let power = u32::try_from(part.len()).map_err(|_| "too long")?;
    Ok(Exact::new(number, BigInt::from(10).pow(power)))
}

/// Rounds half-up to two decimals, as the real season shows indices and means.
pub(crate) fn rounded(value: &Exact) -> Exact {
    let hundred = Exact::from(BigInt::from(100));
    let half = Exact::new(BigInt::from(1), BigInt::from(2));
    let scaled = value * &hundred;
    let up = if scaled < Exact::zero() { -((-scaled + half).floor()) } else { (scaled + half).floor() };
    up / hundred
}

#[test]
fn values_are_read_exactly_and_only_in_their_form() {
    let ok = |text: &str| try_exact(&serde_json::from_str(text).unwrap());
    assert_eq!(ok("\"89.6\"").unwrap(), Exact::new(BigInt::from(448), BigInt::from(5)));
    assert_eq!(ok(r#"{"num":"1","den":"3"}"#).unwrap(), Exact::new(BigInt::from(1), BigInt::from(3)));
    for bad in [
        "\"1.50\"",
        "\"1e3\"",
        "\"-0\"",
        "\"NaN\"",
        "1.5",
        r#"{"num":"2","den":"6"}"#,
        r#"{"num":"1","den":"4"}"#,
        r#"{"num":"1","den":"-3"}"#,
        "null",
    ] {
        assert!(ok(bad).is_err(), "{bad}");
    }
    assert_eq!(rounded(&decimal("89.595").unwrap()), decimal("89.60").unwrap());
    assert_eq!(rounded(&decimal("-0.345").unwrap()), decimal("-0.35").unwrap());
}
